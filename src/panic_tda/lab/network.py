"""Networks: cyclic lists of models with their parameters."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec, ParameterValue, Tier
from panic_tda.signature import Kind
from panic_tda.store.frames import network_label


@dataclass(frozen=True, slots=True)
class Node:
    """One place in a network: a model by name, and the parameters given to it."""

    model: str
    parameters: tuple[tuple[str, ParameterValue], ...] = ()

    @property
    def spec(self) -> ModelSpec:
        """The model's catalogue entry."""
        return find(self.model)

    @property
    def label(self) -> str:
        """``SmolLM2`` or ``SmolLM2 (rephrase, 0.5)``."""
        return network_label([self.to_json()])

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Node:
        """Reads ``{"model": …, "parameters": {…}}``."""
        return cls(value["model"], tuple(sorted(value.get("parameters", {}).items())))

    def to_json(self) -> dict[str, Any]:
        """The inverse of :meth:`from_json`."""
        return {"model": self.model, "parameters": dict(self.parameters)}


@dataclass(frozen=True)
class Network:
    """A cyclic list of nodes; position ``p`` of step ``s`` is ``s mod len(nodes)``."""

    nodes: tuple[Node, ...]

    @classmethod
    def from_json(cls, value: Iterable[Mapping[str, Any]]) -> Network:
        """Reads what :meth:`to_json` gives."""
        return cls(tuple(Node.from_json(node) for node in value))

    def to_json(self) -> list[dict[str, Any]]:
        """A JSON list of nodes."""
        return [node.to_json() for node in self.nodes]

    @cached_property
    def id(self) -> str:
        """SHA-256 of the canonical JSON: equal networks have equal ids in every database."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def label(self) -> str:
        """``Glyph → RapidOCR``."""
        return network_label(self.to_json())

    @property
    def takes(self) -> Kind:
        """The kind of prompt the first model takes."""
        return self.nodes[0].spec.signature.input

    @property
    def makes(self) -> frozenset[Kind]:
        """The kinds of content that appear in its runs."""
        return frozenset(node.spec.signature.output for node in self.nodes)

    @cached_property
    def is_repeatable(self) -> bool:
        """Whether none of its models is of tier ``free``: then the same content has the same sequel."""
        return all(node.spec.tier is not Tier.FREE for node in self.nodes)

    def node_at(self, sequence_number: int) -> Node:
        """The node that makes the invocation of that sequence number."""
        return self.nodes[sequence_number % len(self.nodes)]
