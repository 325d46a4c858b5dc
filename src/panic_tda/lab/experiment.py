"""A validated experiment: what must exist in the record when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from panic_tda.content import Content
from panic_tda.lab.config import ExperimentConfig
from panic_tda.lab.network import Network
from panic_tda.lab.twins import changed_prompts, noise_seed
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec
from panic_tda.store.experiments import PlannedRun, PlannedTwin
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
        return generators | {spec.name: find(spec.name) for spec in self.embedders}

    def planned_runs(self) -> Iterator[PlannedRun]:
        """Every run that must exist, twins apart: networks × the prompts they take × seeds × run numbers."""
        for network, position in self._pairs():
            yield from self._runs(network, position)

    def planned_twins(self) -> Iterator[PlannedTwin]:
        """Every twin of these runs that must exist, those of one network that start from one prompt together.

        The run numbers of twins follow those of all other runs. No two twins share one under the same network, prompt
        and seed, and adding prompts or seeds to the experiment leaves the numbers of the twins that are there.
        """
        if self.config.twins:
            changed = [[(changes, each.sha256) for changes, each in self._changed(prompt)] for prompt in self.prompts]
            for network, position in self._pairs():
                yield from self._noise_twins(network, position)
                yield from self._prompt_twins(network, position, changed[position])

    def changed_prompts(self) -> Iterator[Content]:
        """Where prompt twins start."""
        for prompt in self.prompts:
            yield from (content for _, content in self._changed(prompt))

    def count_runs(self) -> int:
        """How many runs there are, twins included."""
        return sum(1 for _ in self._pairs()) * self._repeats

    def count_twins(self) -> int:
        """How many of the runs are twins."""
        each = self.config.twins.of_each_run if self.config.twins else 0
        return self.count_runs() // (1 + each) * each

    def calls_of_each_model(self) -> dict[str, int]:
        """How often each generator is called when no run stops early."""
        calls: dict[str, int] = {}
        for network, _ in self._pairs():
            for position, node in enumerate(network.nodes):
                steps = steps_at(position, len(network.nodes), 0, self.config.max_length)
                calls[node.model] = calls.get(node.model, 0) + steps * self._repeats
        return calls

    def to_json(self) -> dict[str, Any]:
        """The configuration as stored: complete, with the identity of every image prompt, and what aliases meant."""
        config = self.config.model_dump(mode="json", exclude_none=True)
        config["embedding_models"] = [spec.name for spec in self.embedders]
        for entry, content in zip(config["prompts"], self.prompts, strict=True):
            if isinstance(entry, dict):
                entry["sha256"] = content.sha256
        return config

    @property
    def _repeats(self) -> int:
        twins = self.config.twins.of_each_run if self.config.twins else 0
        return len(self.config.seeds) * self.config.num_runs * (1 + twins)

    def _pairs(self) -> Iterator[tuple[Network, int]]:
        """Each network with the positions of the prompts it takes."""
        for network in self.networks:
            for position, prompt in enumerate(self.prompts):
                if network.takes is prompt.kind:
                    yield network, position

    def _runs(self, network: Network, position: int) -> Iterator[PlannedRun]:
        nodes, prompt_id = network.to_json(), self.prompts[position].sha256
        for seed in self.config.seeds:
            for run_number in range(self.config.num_runs):
                yield PlannedRun(network.id, nodes, prompt_id, seed, run_number, self.config.max_length)

    def _noise_twins(self, network: Network, position: int) -> Iterator[PlannedTwin]:
        if not (self.config.twins and self.config.twins.noise):
            return
        noise = self.config.twins.noise
        for run in self._runs(network, position):
            for number in range(run.run_number * noise.count, (run.run_number + 1) * noise.count):
                other = noise_seed(run.seed, noise.step, number)
                twin = replace(run, run_number=self.config.num_runs + number)
                yield PlannedTwin(twin, run, {"kind": "noise", "step": noise.step, "seed": other})

    def _prompt_twins(
        self, network: Network, position: int, changed: Sequence[tuple[int, str]]
    ) -> Iterator[PlannedTwin]:
        noise = self.config.twins.noise if self.config.twins else None
        # In units of num_runs; numbering the places of all prompts keeps equal texts from different prompts apart.
        first = 1 + (noise.count if noise else 0) + position * len(changed)
        for number, (changes, prompt_id) in enumerate(changed, first):
            for run in self._runs(network, position):
                twin = replace(run, prompt_id=prompt_id, run_number=number * self.config.num_runs + run.run_number)
                yield PlannedTwin(twin, run, {"kind": "prompt", "changes": changes})

    def _changed(self, prompt: Content) -> Iterator[tuple[int, Content]]:
        if self.config.twins and self.config.twins.prompt:
            for changes in self.config.twins.prompt.changes:
                contents = changed_prompts(prompt, changes, self.config.twins.prompt.count)
                yield from ((changes, content) for content in contents)
