"""Fake models, found through the loader of their catalogue entry like any other model.

They work unless an input asks for a fault. A text that starts with ``raise`` makes the whole call raise, with
``error`` its item is answered with a ``ModelCallFailed``, with ``number`` with a value of the wrong type; an
embedder answers ``nan``, ``infinite``, ``zero``, ``short`` and ``complex`` with a vector of that kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from panic_tda.content import Content, Image, Text
from panic_tda.errors import ModelCallFailed, ModelError
from panic_tda.models.model import ModelSpec, Parameter, Parameters, ParameterValue, Placement
from panic_tda.models.purpose import Measured, Purpose
from panic_tda.signature import Kind, Signature

DIMS = 8
TEMPERATURE = Parameter("temperature", 0.5, "how far it strays", minimum=0.0, maximum=2.0)


def fake_spec(
    name: str = "Fake", signature: str = "text -> text", *, megabytes: int = 1, batch_size: int = 4, **changes: Any
) -> ModelSpec:
    """The catalogue entry of a fake model; ``changes`` are any other fields of ``ModelSpec``."""
    parsed = Signature.parse(signature)
    facts: dict[str, Any] = {
        "family": "fake",
        "summary": "for tests",
        "loader": "support.models:load",
        "licence": "MIT",
        "source": "tests",
        "twin": "tests/support/models.py",
        "dims": None if parsed.is_generator else DIMS,
        "parameters": (TEMPERATURE,) if parsed.is_generator else (),
        "synthetic": True,
    }
    return ModelSpec(
        name=name, signature=parsed, memory_bytes=megabytes * 2**20, batch_size=batch_size, **facts | changes
    )


@dataclass
class Asked:
    """One call that a fake model received."""

    inputs: tuple[Content, ...]
    seeds: tuple[int, ...]
    parameters: dict[str, ParameterValue]


@dataclass
class FakeModel:
    """``capacity`` items fit in its memory; it makes ``surplus`` outputs too many; its first ``flaky`` calls raise."""

    spec: ModelSpec
    capacity: int = 1_000
    surplus: int = 0
    flaky: int = 0
    asked: list[Asked] = field(default_factory=list)
    closed: int = 0

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Any]:
        """One outcome for each input, made from the input and its seed alone."""
        self._begin(inputs, seeds, parameters)
        made = [self._make(content, seed) for content, seed in zip(inputs, seeds, strict=True)]
        return self._with_surplus(made)

    def embed(self, inputs: Sequence[Content]) -> list[Any]:
        """One vector for each input, made from the input alone."""
        self._begin(inputs, (), {})
        return self._with_surplus([vector_of(content) for content in inputs])

    def close(self) -> None:
        """Counts how often it was closed."""
        self.closed += 1

    def _begin(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> None:
        self.asked.append(Asked(tuple(inputs), tuple(seeds), dict(parameters)))
        if len(inputs) > self.capacity:
            raise MemoryError(f"{len(inputs)} items do not fit")
        if len(self.asked) <= self.flaky or any(_wish(content).startswith("raise") for content in inputs):
            raise RuntimeError("the fake model was asked to raise\nand says so on two lines")

    def _make(self, content: Content, seed: int) -> object:
        wish = _wish(content)
        if wish.startswith("error"):
            return ModelCallFailed(f"{self.spec.name} refuses {wish!r}")
        if wish.startswith("number"):
            return 42
        digest = hashlib.sha256(f"{content.sha256} {seed}".encode()).digest()
        return Text(digest.hex()) if self.spec.signature.output is Kind.TEXT else Image("RGB", 2, 1, digest[:6])

    def _with_surplus(self, made: list[Any]) -> list[Any]:
        return made + made[:1] * self.surplus if self.surplus >= 0 else made[: self.surplus]


class Prompted(FakeModel):
    """An embedder that puts ``query: `` before what is asked, as some were trained."""

    def embed_texts(self, texts: Sequence[str], purpose: Purpose) -> list[Measured | ModelError]:
        """See :class:`~panic_tda.models.purpose.TextEmbedder`."""
        prompt = "query: " if purpose is Purpose.QUERY else ""
        found = [vector_of(Text(prompt + text)) for text in texts]
        return [each if isinstance(each, ModelError) else Measured(cast("Any", each), None) for each in found]


def load(spec: ModelSpec, placement: Placement) -> FakeModel:
    """The loader that :func:`fake_spec` names."""
    return FakeModel(spec)


def load_prompted(spec: ModelSpec, placement: Placement) -> Prompted:
    """A loader for ``loader="support.models:load_prompted"``."""
    return Prompted(spec)


def load_badly(spec: ModelSpec, placement: Placement) -> FakeModel:
    """A loader with a fault of its own."""
    raise OSError("the weights are on a disk that went away")


def vector_of(content: Content) -> object:
    """What a fake embedder makes of a content."""
    vector = np.frombuffer(bytes.fromhex(content.sha256)[:DIMS], np.uint8).astype(np.float32) + 1
    wished: dict[str, object] = {
        "error": ModelCallFailed("an embedder refuses"),
        "number": 42,
        "nan": vector * np.float32(np.nan),
        "infinite": vector.astype(np.float64) * 1e300,
        "zero": vector.astype(np.float64) * 1e-300,
        "short": vector[:-1],
        "complex": vector * 1j,
    }
    return wished.get(_wish(content), vector / np.linalg.norm(vector))


def _wish(content: Content) -> str:
    return content.value if isinstance(content, Text) else ""


def as_fake(model: object) -> FakeModel:
    """A loaded model, known to be a fake one."""
    return cast("FakeModel", model)
