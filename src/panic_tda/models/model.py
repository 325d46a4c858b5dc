"""What a model is: its catalogue entry, its parameters, and the two protocols every family implements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from panic_tda.content import Content, text_fault
from panic_tda.errors import ModelError, PrerequisiteError
from panic_tda.models.endpoints import Endpoint
from panic_tda.models.repositories import Repository, identity, library_versions
from panic_tda.models.weights import Weights
from panic_tda.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[np.float32]

ParameterValue: TypeAlias = str | int | float | bool
Parameters: TypeAlias = Mapping[str, ParameterValue]
Options: TypeAlias = tuple[tuple[str, ParameterValue], ...]


class Tier(StrEnum):
    """How far a result may depend on anything but the item: see the determinism section of the docs."""

    EXACT = "exact"
    SEEDED = "seeded"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a model that a network node may change."""

    name: str
    default: ParameterValue
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    multiple: int = 1

    def fault(self, value: object) -> str | None:
        """What is wrong with ``value`` for this parameter, or None. Whole numbers count as floats."""
        wanted: type = type(self.default)
        fits = isinstance(value, (int, float) if wanted is float else wanted)
        if not fits or (isinstance(value, bool) and wanted is not bool):
            return f"{self.name} must be of type {wanted.__name__}, not {value!r}"
        if self.choices and value not in self.choices:
            return f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}"
        if isinstance(value, str) and not value.strip():
            return f"{self.name} must not be empty"
        if isinstance(value, str) and (fault := text_fault(value)):
            return f"{self.name}: {fault}"
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            # Written so that NaN, which compares false with everything, is refused too.
            if self.minimum is not None and not value >= self.minimum:
                return f"{self.name} must be at least {self.minimum:g}, not {value!r}"
            if self.maximum is not None and not value <= self.maximum:
                return f"{self.name} must be at most {self.maximum:g}, not {value!r}"
            if self.multiple > 1 and value % self.multiple:
                return f"{self.name} must be a multiple of {self.multiple}, not {value!r}"
        return None


class Generator(Protocol):
    """A loaded model that makes content."""

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> Sequence[Content | ModelError]:
        """One outcome for each input, in order. Every parameter of the catalogue entry is present.

        A fault that concerns one item only is returned in its place; a raised error concerns the whole batch.
        """
        ...

    def close(self) -> None:
        """Frees what the model holds. Called once; no call follows."""
        ...


class Embedder(Protocol):
    """A loaded model that makes vectors."""

    def embed(self, inputs: Sequence[Content]) -> Sequence[Vector | ModelError]:
        """One float32 vector of the catalogue entry's ``dims`` for each input, L2-normalised."""
        ...

    def close(self) -> None:
        """Frees what the model holds. Called once; no call follows."""
        ...


Model: TypeAlias = Generator | Embedder


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a model is loaded.

    ``device`` is ``auto`` (the device of the catalogue entry) or one device of that kind, such as ``cuda:1``.
    """

    device: str = "auto"
    threads: int = 1


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A catalogue entry: facts about a model, and where to find the code that loads it.

    ``loader`` is ``"module:callable"``; the callable takes ``(spec, placement)`` and returns the loaded model.
    ``revision`` counts changes of our own code that alter results. ``twin`` names the test that covers the family.
    Weights come as files of Python packages (``weights``) or as a whole folder (``repository``); a model that a server
    computes has an ``endpoint`` instead. ``options`` are facts that the family's code needs and no experiment changes.
    ``dtype`` and ``device`` are what is computed in; the catalogue fills them in for this machine where the settings
    say ``auto``.
    """

    name: str
    family: str
    signature: Signature
    summary: str
    loader: str
    licence: str
    source: str
    twin: str
    memory_bytes: int
    revision: int = 1
    weights: tuple[Weights, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    dims: int | None = None
    dtype: str = "float32"
    tier: Tier = Tier.EXACT
    batch_size: int = 1
    gated: bool = False
    synthetic: bool = False
    requires: tuple[str, ...] = ()
    extra: str = ""
    non_commercial: bool = False
    repository: Repository | None = None
    endpoint: Endpoint | None = None
    device: str = "cpu"
    options: Options = ()

    @property
    def version(self) -> str:
        """Identity of what the model computes.

        Our revision, and the start of the hash of each weights file; or, for a repository, of its commit or content,
        then number type, device, and the versions of the libraries that compute. For an endpoint, of its address, the
        model's name there, and the options: what lies behind an address can change without notice.
        """
        if self.endpoint is not None:
            facts = {"signature": str(self.signature), "dims": self.dims, "tier": self.tier.value}
            return f"{self.revision}+{self.endpoint.identity({**facts, 'options': dict(self.options)})[:12]}"
        if self.repository is not None:
            known = identity(self.repository)[:12]
            return ".".join([f"{self.revision}+{known}", self.dtype, self.device, *library_versions(self.requires)])
        hashes = ".".join(weights.sha256[:12] for weights in self.weights)
        return f"{self.revision}+{hashes}" if hashes else str(self.revision)

    def option(self, name: str, default: ParameterValue = "") -> ParameterValue:
        """A fact for the family's code."""
        return dict(self.options).get(name, default)

    def with_defaults(self, given: Parameters) -> dict[str, ParameterValue]:
        """Every parameter of the model: the given value, or else the default."""
        return {
            parameter.name: (float(value) if isinstance(parameter.default, float) else value)
            for parameter in self.parameters
            for value in [given.get(parameter.name, parameter.default)]
        }

    def check_packages(self) -> None:
        """Raises ``PrerequisiteError`` that names every package in ``requires`` that is not installed."""
        missing = [package for package in self.requires if find_spec(package) is None]
        if missing:
            are = "package {} is" if len(missing) == 1 else "packages {} are"
            raise PrerequisiteError(
                f"{self.name}: the Python {are.format(', '.join(missing))} not installed",
                hint=f"pip install 'panic-tda[{self.extra}]'" if self.extra else f"pip install {' '.join(missing)}",
            )

    def load(self, placement: Placement) -> Model:
        """Imports the family and loads the model; raises ``PrerequisiteError`` or ``ModelLoadError``."""
        self.check_packages()
        module, _, attribute = self.loader.partition(":")
        return cast("Model", getattr(import_module(module), attribute)(self, placement))


def parameter_faults(spec: ModelSpec, given: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters given to a model, one sentence for each fault."""
    known = {parameter.name: parameter for parameter in spec.parameters}
    faults = []
    for name, value in given.items():
        if name not in known:
            options = ", ".join(known) or "none"
            faults.append(f"{spec.name} has no parameter {name!r} (it has: {options})")
        elif fault := known[name].fault(value):
            faults.append(f"{spec.name}: {fault}")
    return faults
