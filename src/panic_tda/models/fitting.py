"""Does a model fit here, in numbers, and which of those that do should be taken?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from panic_tda.models.deployment import BYTES
from panic_tda.models.economies import saved
from panic_tda.models.fetching import is_here
from panic_tda.models.machine import device_memory
from panic_tda.models.model import MemorySource, ModelSpec
from panic_tda.models.reaching import obstacle
from panic_tda.models.repositories import parameter_count
from panic_tda.models.weights import locate
from panic_tda.signature import Signature


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model fits, and what that was computed from.

    ``memory_source`` says whether ``needed_bytes`` were measured here, counted in the weights or estimated. They are
    ``weights_bytes`` of weights, and ``working_bytes`` for activations, libraries and slack, at ``batch_size``.
    ``parameters`` and ``weights_bytes`` are 0 where the weights are not on this machine. ``economies`` are the options
    that would make a model that does not fit smaller on its GPU, with about the bytes it would then need. ``endpoint``
    is the address that computes it, empty where this machine does; ``unreachable`` says why that cannot be asked now.
    """

    model: str
    fits: bool
    needed_bytes: int
    memory_source: MemorySource
    weights_bytes: int
    working_bytes: int
    budget_bytes: int
    batch_size: int
    parameters: int
    device: str
    dtype: str
    economies: dict[str, int]
    packages_missing: tuple[str, ...]
    weights_here: bool
    endpoint: str
    unreachable: str

    @property
    def runs(self) -> bool:
        """Whether it could be used at once."""
        here = bool(self.endpoint) or self.weights_here
        return self.fits and here and not (self.packages_missing or self.unreachable)

    def to_json(self) -> dict[str, Any]:
        """The shape of ``model fit --json``."""
        return {**asdict(self), "runs": self.runs}


def fit(spec: ModelSpec, budget_bytes: int) -> Fit:
    """Holds a model against a memory budget."""
    here = weights_are_here(spec)
    parameters, weights_bytes = _weights(spec) if here else (0, 0)
    fits = spec.memory_bytes <= budget_bytes
    return Fit(
        model=spec.name,
        fits=fits,
        needed_bytes=spec.memory_bytes,
        memory_source=spec.memory_source,
        weights_bytes=weights_bytes,
        working_bytes=max(0, spec.memory_bytes - weights_bytes),
        budget_bytes=budget_bytes,
        batch_size=spec.batch_size,
        parameters=parameters,
        device=spec.device,
        dtype=spec.dtype,
        economies={} if fits else _economies(spec),
        packages_missing=tuple(package for package in spec.requires if find_spec(package) is None),
        weights_here=here,
        endpoint=spec.endpoint.url if spec.endpoint else "",
        unreachable=fault.message if (fault := obstacle(spec)) else "",
    )


def weights_are_here(spec: ModelSpec) -> bool:
    """Whether everything that computes the model is on this machine; never for a model at an endpoint."""
    files = all(locate(weights) is not None for weights in spec.weights)
    return files and spec.endpoint is None and (spec.repository is None or is_here(spec))


def _weights(spec: ModelSpec) -> tuple[int, int]:
    """How many numbers the weights hold, 0 where they are not counted, and the bytes they take on the device."""
    if spec.repository is None:
        return 0, sum(weights.size for weights in spec.weights)
    folder = Path(spec.repository.folder)
    if folder.is_file():
        return 0, folder.stat().st_size
    numbers = parameter_count(folder, spec.repository.variant)
    return numbers, _economised(spec, numbers * BYTES.get(spec.dtype, 4))


def _economies(spec: ModelSpec) -> dict[str, int]:
    """About the bytes each option that was not chosen yet would leave."""
    if spec.device != "cuda":
        return {}
    choices = [("quantisation", "4bit"), ("offload", "model"), ("offload", "sequential")]
    possible = [(name, value) for name, value in choices if spec.option(name) == "none"]
    trials = {f"{name}={value}": replace(spec, options=(*spec.options, (name, value))) for name, value in possible}
    return {words: _economised(trial, spec.memory_bytes) for words, trial in trials.items()}


def _economised(spec: ModelSpec, full_bytes: int) -> int:
    if spec.device != "cuda":
        return full_bytes
    return saved(spec, full_bytes, BYTES.get(spec.dtype, 1), device_memory(spec.device))


def recommended(specs: Iterable[ModelSpec], task: Signature, budget_of: Callable[[str], int]) -> list[Fit]:
    """The models for a task that fit the budget of their device, best first: those that run at once, then by size.

    Synthetic ones are left out. Larger stands for better, which holds often and not always.
    """
    fitting = [fit(spec, budget_of(spec.device)) for spec in specs if spec.signature == task and not spec.synthetic]
    return sorted((each for each in fitting if each.fits), key=lambda each: (not each.runs, -each.needed_bytes))
