"""Models that take memory, run out of it, are killed for it, or mind their neighbours, as their options say.

``hold`` and ``item`` are megabytes for the model and for each item of a batch while it is computed; from ``fit`` items
on a batch raises ``MemoryError``, from ``deadly`` items on the process is killed. ``minds`` is what a result depends on
besides its item: ``neighbours``, ``first seed`` or ``chance``; ``deaf`` ones do not hear their seed.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Sequence
from typing import Any

import numpy as np

from panic_tda.content import Content, Text
from panic_tda.models.model import ModelSpec, Parameter, Parameters, ParameterValue, Placement
from support.models import fake_spec

MEGABYTE = 2**20


def heavy_spec(
    name: str = "Heavy", *, megabytes: int = 50, batch_size: int = 4, **options: ParameterValue
) -> ModelSpec:
    """The catalogue entry of such a model, which draws from its seeds."""
    return fake_spec(
        name,
        megabytes=megabytes,
        batch_size=batch_size,
        loader="support.heavy_models:load",
        options=tuple(options.items()),
        parameters=(Parameter("temperature", 1.0, "how far it strays"),),
    )


class HeavyModel:
    """Answers with a hash of what it minds."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._held = _filled(self._number("hold"))

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Text]:
        """One text for each input."""
        if len(inputs) >= self._number("deadly", 1_000):
            os.kill(os.getpid(), signal.SIGKILL)
        if len(inputs) >= self._number("fit", 1_000):
            raise MemoryError(f"{len(inputs)} items do not fit")
        _filled(self._number("item") * len(inputs))
        return [Text(self._hash(at, inputs, seeds)) for at in range(len(inputs))]

    def close(self) -> None:
        """Lets go of what it held."""
        del self._held

    def _hash(self, at: int, inputs: Sequence[Content], seeds: Sequence[int]) -> str:
        minded: dict[str, Any] = {
            "neighbours": sorted(content.sha256 for content in inputs),
            "first seed": seeds[0],
            "chance": os.urandom(8),
        }
        heard = "" if self._spec.option("deaf") else seeds[at]
        minds = minded.get(str(self._spec.option("minds")), "")
        return hashlib.sha256(repr((inputs[at].sha256, heard, minds)).encode()).hexdigest()

    def _number(self, option: str, otherwise: int = 0) -> int:
        return int(self._spec.option(option, otherwise))


def load(spec: ModelSpec, placement: Placement) -> HeavyModel:
    """The loader that :func:`heavy_spec` names."""
    return HeavyModel(spec)


def _filled(megabytes: int) -> Any:
    """An array whose pages are all in memory."""
    return np.ones(megabytes * MEGABYTE, dtype=np.uint8)
