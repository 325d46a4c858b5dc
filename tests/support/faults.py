"""Models that fail in every way a model can, for as long as ``broken`` says so; then they are well."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from panic_tda.content import Content, Image, Text
from panic_tda.models.model import ModelSpec, Parameters, Placement
from support.models import FakeModel, fake_spec

BAD = "bad"
"""The prompt whose run meets the fault."""

Fault = Callable[[list[Any], Sequence[Content]], list[Any]]

_broken: dict[str, Fault] = {}
"""The fault that each model meets at present."""


@contextmanager
def broken(fault: str, model: str = "Faulty") -> Iterator[None]:
    """While the block lasts a model meets a fault."""
    _broken[model] = FAULTS[fault]
    try:
        yield
    finally:
        _broken.clear()


class Faulty(FakeModel):
    """A fake model that fails where the input is, or descends from, the bad one."""

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Any]:
        """Marks what comes of the bad input, so that its fault stays with its run."""
        made = super().generate(inputs, seeds, parameters)
        made = [
            Text(f"{BAD} {output.value}") if isinstance(output, Text) and _is_bad(given) else output
            for output, given in zip(made, inputs, strict=True)
        ]
        return self._faulty(made, inputs)

    def embed(self, inputs: Sequence[Content]) -> list[Any]:
        """A vector for each input."""
        return self._faulty(super().embed(inputs), inputs)

    def _faulty(self, made: list[Any], inputs: Sequence[Content]) -> list[Any]:
        fault = _broken.get(self.spec.name)
        return fault(made, inputs) if fault else made


def load_faulty(spec: ModelSpec, placement: Placement) -> Faulty:
    """The loader of the two below."""
    return Faulty(spec)


GENERATOR = fake_spec("Faulty", loader="support.faults:load_faulty", batch_size=2)
EMBEDDER = fake_spec("FaultyRuler", "text -> vector", loader="support.faults:load_faulty", batch_size=2)


def _is_bad(content: Content) -> bool:
    return isinstance(content, Text) and content.value.startswith(BAD)


def _instead(value: Callable[[], Any]) -> Fault:
    """A fault of one item."""
    return lambda made, inputs: [
        value() if _is_bad(given) else output for output, given in zip(made, inputs, strict=True)
    ]


def _raise(made: list[Any], inputs: Sequence[Content]) -> list[Any]:
    if any(map(_is_bad, inputs)):
        raise RuntimeError("CUDA error: device-side assert triggered")
    return made


def _too_few(made: list[Any], inputs: Sequence[Content]) -> list[Any]:
    return made[:-1] if any(map(_is_bad, inputs)) else made


def _hang(made: list[Any], inputs: Sequence[Content]) -> list[Any]:
    if any(map(_is_bad, inputs)):
        threading.Event().wait()
    return made


FAULTS: dict[str, Fault] = {
    "exception": _raise,
    "wrong type": _instead(lambda: 42),
    "empty caption": _instead(lambda: Text("")),
    "NaN vector": _instead(lambda: np.full(8, np.nan, np.float32)),
    "image of 0 bytes": _instead(lambda: Image("RGB", 0, 0, b"")),
    "wrong batch length": _too_few,
    "hang": _hang,
}
