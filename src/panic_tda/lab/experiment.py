"""A validated experiment: what must exist in the record when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from panic_tda.content import Content
from panic_tda.lab.config import ExperimentConfig
from panic_tda.lab.network import Network
from panic_tda.models.model import ModelSpec
from panic_tda.store.experiments import PlannedRun
from panic_tda.store.progress import steps_at


@dataclass(frozen=True, slots=True)
class Experiment:
    """The file's content, with networks, prompts and embedders resolved."""

    config: ExperimentConfig
    networks: tuple[Network, ...]
    prompts: tuple[Content, ...]
    embedders: tuple[ModelSpec, ...]

    def models(self) -> dict[str, ModelSpec]:
        """Every model the experiment uses, by name: generators in network order, then embedders."""
        generators = {node.model: node.spec for network in self.networks for node in network.nodes}
        return generators | {spec.name: spec for spec in self.embedders}

    def planned_runs(self) -> Iterator[PlannedRun]:
        """Every run that must exist: networks × the prompts they take × seeds × run numbers."""
        for network, prompt in self._pairs():
            nodes = network.to_json()
            for seed in self.config.seeds:
                for run_number in range(self.config.num_runs):
                    yield PlannedRun(network.id, nodes, prompt.sha256, seed, run_number, self.config.max_length)

    def count_runs(self) -> int:
        """How many runs there are."""
        return sum(1 for _ in self._pairs()) * len(self.config.seeds) * self.config.num_runs

    def calls_of_each_model(self) -> dict[str, int]:
        """How often each generator is called when no run stops early."""
        calls: dict[str, int] = {}
        repeats = len(self.config.seeds) * self.config.num_runs
        for network, _ in self._pairs():
            for position, node in enumerate(network.nodes):
                steps = steps_at(position, len(network.nodes), 0, self.config.max_length)
                calls[node.model] = calls.get(node.model, 0) + steps * repeats
        return calls

    def to_json(self) -> dict[str, Any]:
        """The configuration as stored: complete, and with the identity of every image prompt."""
        config = self.config.model_dump(mode="json", exclude_none=True)
        for entry, content in zip(config["prompts"], self.prompts, strict=True):
            if isinstance(entry, dict):
                entry["sha256"] = content.sha256
        return config

    def _pairs(self) -> Iterator[tuple[Network, Content]]:
        for network in self.networks:
            for prompt in self.prompts:
                if network.takes is prompt.kind:
                    yield network, prompt
