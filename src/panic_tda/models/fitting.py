"""Does a model fit here, in numbers, and which of those that do should be taken?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from panic_tda.models.fetching import is_here
from panic_tda.models.model import ModelSpec
from panic_tda.models.reaching import obstacle
from panic_tda.models.repositories import parameter_count
from panic_tda.models.weights import locate
from panic_tda.signature import Signature


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model fits, and what that was computed from.

    ``parameters`` are counted in the weights where these are on this machine, and 0 where they are not: then the
    memory is the catalogue's estimate. ``endpoint`` is the address that computes it, empty where this machine does;
    ``unreachable`` says why that cannot be asked now.
    """

    model: str
    fits: bool
    needed_bytes: int
    budget_bytes: int
    parameters: int
    device: str
    dtype: str
    packages_missing: tuple[str, ...]
    weights_here: bool
    endpoint: str
    unreachable: str

    @property
    def runs(self) -> bool:
        """Whether it could be used at once."""
        here = bool(self.endpoint) or self.weights_here
        return self.fits and here and not (self.packages_missing or self.unreachable)


def fit(spec: ModelSpec, budget_bytes: int) -> Fit:
    """Holds a model against a memory budget."""
    here = weights_are_here(spec)
    folder = Path(spec.repository.folder) if spec.repository and here else None
    counted = parameter_count(folder, spec.repository.variant) if folder and spec.repository and folder.is_dir() else 0
    return Fit(
        model=spec.name,
        fits=spec.memory_bytes <= budget_bytes,
        needed_bytes=spec.memory_bytes,
        budget_bytes=budget_bytes,
        parameters=counted,
        device=spec.device,
        dtype=spec.dtype,
        packages_missing=tuple(package for package in spec.requires if find_spec(package) is None),
        weights_here=here,
        endpoint=spec.endpoint.url if spec.endpoint else "",
        unreachable=fault.message if (fault := obstacle(spec)) else "",
    )


def weights_are_here(spec: ModelSpec) -> bool:
    """Whether everything that computes the model is on this machine; never for a model at an endpoint."""
    files = all(locate(weights) is not None for weights in spec.weights)
    return files and spec.endpoint is None and (spec.repository is None or is_here(spec))


def recommended(specs: Iterable[ModelSpec], task: Signature, budget_bytes: int) -> list[Fit]:
    """The models for a task that fit, best first: those that run at once, then by size.

    Synthetic ones are left out. Larger stands for better, which holds often and not always.
    """
    fitting = [fit(spec, budget_bytes) for spec in specs if spec.signature == task and not spec.synthetic]
    return sorted((each for each in fitting if each.fits), key=lambda each: (not each.runs, -each.needed_bytes))
