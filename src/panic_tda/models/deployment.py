"""Where the models of the catalogue are on this machine: their folders, the device, and the type of numbers.

The settings say it (``device``, ``dtype``, ``[weights]``), the shelf adds to it, and the catalogue writes it into its
entries, so that an entry alone tells a worker everything.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from panic_tda.errors import ConfigurationError
from panic_tda.models.economies import saved, with_economies
from panic_tda.models.machine import device_memory
from panic_tda.models.model import MemorySource, ModelSpec, Tier
from panic_tda.models.repositories import Repository, hub_snapshot, parameter_count
from panic_tda.models.shelf import Shelf
from panic_tda.settings import ENVIRONMENT_PREFIX, Settings, load_settings

DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("auto", "bf16", "fp16", "fp32")
TIERS = (Tier.EXACT, Tier.SEEDED)
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of a number, by its type."""

_LONG = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
# Activations, the allocator's slack and the libraries themselves, on top of the weights.
_SLACK, _BASE = 1.25, 300_000_000

_WATCHED = (
    *(ENVIRONMENT_PREFIX + name for name in ("WEIGHTS", "DEVICE", "DTYPE", "TIER", "CACHE")),
    *("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"),
)


@dataclass(frozen=True, slots=True, eq=False)
class _InUse:
    """Settings that somebody uses; each use is one of its own, also of equal settings."""

    settings: Settings


_in_use: list[_InUse] = []


@contextmanager
def using(settings: Settings | None) -> Iterator[None]:
    """Inside the block, on every thread, the catalogue follows these settings, if some are given.

    Blocks of several threads may overlap in any way; the one that began last counts.
    """
    if settings is None:
        yield
        return
    mine = _InUse(settings)
    _in_use.append(mine)
    try:
        yield
    finally:
        _in_use.remove(mine)


def current() -> Settings:
    """The settings the catalogue follows: those last given, else the environment's."""
    return _in_use[-1].settings if _in_use else load_settings()


def state() -> tuple[object, ...]:
    """Changes whenever the catalogue may have to be written anew; asked for often, so it looks at little."""
    return (*(each.settings for each in _in_use[-1:]), *map(os.environ.get, _WATCHED))


def deployed(spec: ModelSpec, settings: Settings, shelf: Shelf) -> ModelSpec:
    """The entry with its tier, folder, device and type of numbers on this machine."""
    spec = replace(spec, tier=chosen_tier(settings.tier, spec))
    if spec.repository is None:
        return spec
    repository = placed(spec.name, spec.repository, dict(settings.weights), shelf)
    device, dtype = _computed_in(spec, settings)
    counted = memory_of(repository, dtype)
    memory = counted or spec.memory_bytes * BYTES.get(dtype, 1) // BYTES.get(spec.dtype, 1)
    options = with_economies(spec, shelf.options.get(spec.name, {}))
    here = replace(spec, repository=repository, device=device, dtype=dtype, options=options)
    needed = saved(here, memory, BYTES.get(dtype, 1), device_memory(device)) if device == "cuda" else memory
    source = MemorySource.COUNTED if counted and needed == memory else MemorySource.ESTIMATED
    return replace(here, memory_bytes=needed, memory_source=source)


def _computed_in(spec: ModelSpec, settings: Settings) -> tuple[str, str]:
    """Device and type of numbers. onnxruntime and llama.cpp compute in the numbers that their files hold."""
    wanted = chosen_device(settings.device)
    if "onnxruntime" in spec.requires:
        return "cuda" if wanted == "cuda" and onnxruntime_has_cuda() else "cpu", spec.dtype
    device = wanted if spec.dtype in BYTES else "cpu"
    return device, chosen_dtype(settings.dtype, device, spec.dtype)


def placed(name: str, repository: Repository, folders: Mapping[str, str], shelf: Shelf) -> Repository:
    """The repository with the folder the settings or the shelf name, or else its snapshot in the hub's cache."""
    trusted = shelf.trusted.get(name, "")
    if folder := folders.get(name) or shelf.folders.get(name):
        return replace(repository, folder=str(Path(folder).expanduser()), trusted=trusted)
    pin = shelf.pins.get(name)
    pinned = pin if pin and pin.repository == repository.id else None
    revision = pinned.commit if pinned else repository.revision
    found = hub_snapshot(repository.id, revision) if repository.id else None
    if found is None:
        return replace(repository, trusted=trusted)
    sha256 = pinned.sha256 if pinned else ""
    return replace(repository, folder=str(found[0]), commit=found[1], sha256=sha256, trusted=trusted)


def memory_of(repository: Repository, dtype: str) -> int | None:
    """Bytes the weights on this machine take once loaded, with what computing needs beside them; None when absent."""
    folder = Path(repository.folder) if repository.folder else None
    if folder is None or not folder.exists():
        return None
    size = folder.stat().st_size if folder.is_file() else 0
    size = size or sum(file.stat().st_size for file in folder.glob("*.onnx*"))
    weights = size or parameter_count(folder, repository.variant) * BYTES.get(dtype, 4)
    return int(weights * _SLACK) + _BASE


def chosen_device(wanted: str) -> str:
    """``cpu``, ``cuda`` or ``mps``; raises ``ConfigurationError`` for anything else but ``auto``."""
    if wanted not in DEVICES:
        raise ConfigurationError([f"device must be one of {', '.join(DEVICES)}, not {wanted!r}"])
    return best_device() if wanted == "auto" else wanted


def chosen_dtype(wanted: str, device: str, own: str) -> str:
    """The type of numbers a model computes with: what is wanted, else its own, but float32 on a CPU."""
    if wanted not in DTYPES:
        raise ConfigurationError([f"dtype must be one of {', '.join(DTYPES)}, not {wanted!r}"])
    if wanted == "fp16" and device == "cpu":
        raise ConfigurationError(["dtype fp16 cannot be computed on a CPU: choose bf16 or fp32"])
    if wanted != "auto":
        return _LONG[wanted] if own in BYTES else own
    return "float32" if device == "cpu" and own in BYTES else own


def chosen_tier(wanted: str, spec: ModelSpec) -> Tier:
    """The tier that is wanted where the model has it, else its own; raises ``ConfigurationError`` for no such tier."""
    if wanted not in TIERS:
        raise ConfigurationError([f"tier must be one of {', '.join(TIERS)}, not {wanted!r}"])
    return Tier(wanted) if wanted in spec.tiers else spec.tier


@cache
def onnxruntime_has_cuda() -> bool:
    """Whether the installed onnxruntime was built for CUDA, without importing it."""
    found = find_spec("onnxruntime")
    places = (found.submodule_search_locations or []) if found else []
    return any(any(Path(place).glob("capi/*onnxruntime_providers_cuda*")) for place in places)


@cache
def best_device() -> str:
    """The device the installed torch can use, without importing it: that would take seconds."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "mps"
    has_driver = any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg"))
    return "cuda" if has_driver and _built_for_cuda() else "cpu"


def _built_for_cuda() -> bool:
    found = find_spec("torch")
    places = (found.submodule_search_locations or []) if found else []
    for place in places:
        version = Path(place) / "version.py"
        if version.is_file():
            return re.search(r"^cuda\b.*= *'", version.read_text(encoding="utf-8"), re.MULTILINE) is not None
    return False
