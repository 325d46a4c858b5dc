"""What a model is: its catalogue entry, its parameters, and the two protocols every family implements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from panic_tda.content import Content, text_fault
from panic_tda.errors import ModelError, ModelLoadError, PrerequisiteError
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


class MemorySource(StrEnum):
    """Where the memory a catalogue entry states comes from: written there, counted in the weights, or measured."""

    ESTIMATED = "estimated"
    COUNTED = "counted"
    MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a model that a network node may change, or must give where it is ``required``."""

    name: str
    default: ParameterValue
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    multiple: int = 1
    required: bool = False

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
Lender: TypeAlias = Callable[["ModelSpec"], AbstractContextManager[Model]]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a model is loaded.

    ``device`` is ``auto`` (the device of the catalogue entry) or one device of that kind, such as ``cuda:1``.
    ``lender`` gives the place's own loaded models, pinned while they are borrowed; it never leaves its process.
    """

    device: str = "auto"
    threads: int = 1
    lender: Lender | None = field(default=None, repr=False, compare=False)

    def borrowed(self, part: ModelSpec) -> AbstractContextManager[Model]:
        """A model of the same place, while the block lasts: loaded once, whoever uses it.

        Raises ``ModelLoadError`` where nobody lends models, and whatever loading raises.
        """
        if self.lender is None:
            raise ModelLoadError(f"{part.name} is to be borrowed, and this place lends no models")
        return self.lender(part)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A catalogue entry: facts about a model, and where to find the code that loads it.

    ``loader`` is ``"module:callable"``; the callable takes ``(spec, placement)`` and returns the loaded model.
    ``revision`` counts changes of our own code that alter results. ``twin`` names the test that covers the family.
    Weights come as files of Python packages (``weights``) or as a whole folder (``repository``); a model that a server
    computes has an ``endpoint`` instead. ``options`` are facts that the family's code needs and no experiment changes.
    ``parts`` are the models it borrows from the place it runs in, instead of loading weights of its own. ``dtype`` and
    ``device`` are what is computed in; the catalogue fills them in for this machine where the settings say ``auto``. It
    also puts in the memory (with ``memory_source``) and the batch size that were measured here; neither is part of the
    version. ``tiers`` are those that the setting ``tier`` chooses from, the entry's own first; without any, ``tier`` is
    the only one.
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
    tiers: tuple[Tier, ...] = ()
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
    parts: tuple[ModelSpec, ...] = ()
    memory_source: MemorySource = MemorySource.ESTIMATED

    @property
    def version(self) -> str:
        """Identity of what the model computes.

        Our revision, and the start of the hash of each weights file; or, for a repository, of its commit or content,
        then number type, whether the weights have four bits, device, and the versions of the libraries that compute;
        or, for a model that borrows others, of its options and their versions. For an endpoint, of its address, the
        model's name there, and the options: what lies behind an address can change without notice. Last the tier, if
        it was chosen.
        """
        return f"{self._version}.{self.tier}" if self.tier in self.tiers[1:] else self._version

    @property
    def reference(self) -> str:
        """``name@version``, as results and answers name their model."""
        return f"{self.name}@{self.version}"

    @property
    def _version(self) -> str:
        if self.endpoint is not None:
            facts = {"signature": str(self.signature), "dims": self.dims, "tier": self.tier.value}
            return f"{self.revision}+{self.endpoint.identity({**facts, 'options': dict(self.options)})[:12]}"
        if self.parts:
            told = [self.options, [(part.name, part.version) for part in self.parts]]
            known = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
            return ".".join([f"{self.revision}+{known}", *library_versions(self.requires)])
        if self.repository is not None:
            known = identity(self.repository)[:12]
            quantised = ["4bit"] if self.option("quantisation") == "4bit" else []
            computed = [self.dtype, *quantised, self.device, *library_versions(self.requires)]
            return ".".join([f"{self.revision}+{known}", *computed])
        hashes = ".".join(weights.sha256[:12] for weights in self.weights)
        return f"{self.revision}+{hashes}" if hashes else str(self.revision)

    @property
    def needs_accelerator(self) -> bool:
        """Whether it computes on a device of this machine that is not the CPU."""
        return self.endpoint is None and self.device != "cpu"

    def whole(self) -> Iterator[ModelSpec]:
        """The model itself, then everything it borrows, however deep."""
        yield self
        for part in self.parts:
            yield from part.whole()

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
                hint=_installing(self.extra) if self.extra else f"pip install {' '.join(missing)}",
            )

    def load(self, placement: Placement) -> Model:
        """Imports the family and loads the model; raises ``PrerequisiteError`` or ``ModelLoadError``."""
        self.check_packages()
        module, _, attribute = self.loader.partition(":")
        return cast("Model", getattr(import_module(module), attribute)(self, placement))


def _installing(extra: str) -> str:
    """How an extra is installed; the metadata of dspy asks for packages that it can do without."""
    besides = " && pip install --no-deps 'dspy>=3.4,<4'" if extra == "dspy" else ""
    return f"pip install 'panic-tda[{extra}]'{besides}"


def parameter_faults(spec: ModelSpec, given: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters given to a model, one sentence for each fault."""
    known = {parameter.name: parameter for parameter in spec.parameters}
    faults = [
        f"{spec.name} needs a value of {name}"
        for name, parameter in known.items()
        if parameter.required and name not in given
    ]
    for name, value in given.items():
        if name not in known:
            options = ", ".join(known) or "none"
            faults.append(f"{spec.name} has no parameter {name!r} (it has: {options})")
        elif fault := known[name].fault(value):
            faults.append(f"{spec.name}: {fault}")
    return faults
