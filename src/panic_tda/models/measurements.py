"""What was measured of the models on this machine: memory, speed, the batch size to use, the tier that holds.

All of it is one small JSON file, ``measurements.json`` in panic-tda's cache folder, written by
``panic-tda model measure``. An entry belongs to one version of a model on one kind of machine; nothing else finds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from panic_tda.errors import ConfigurationError
from panic_tda.models.files import cache_folder, write_whole
from panic_tda.models.machine import place_of
from panic_tda.models.model import MemorySource, ModelSpec, Tier


@dataclass(frozen=True, slots=True)
class Measurement:
    """One version of a model on one kind of machine, with its default parameters.

    ``resident_bytes`` is what loading it added to a bare process, libraries included (on a GPU: what it holds of the
    GPU); ``peak_bytes`` the most it added while a batch of that size ran. ``out_of_memory_at`` is the batch size that
    did not fit, None when all that were tried did. ``tier`` is the strongest that was not refuted, ``tier_reason``
    says what refuted the stronger ones.
    """

    model: str
    version: str
    machine: str
    measured_at: str
    load_seconds: float
    resident_bytes: int
    peak_bytes: Mapping[int, int]
    seconds_per_item: Mapping[int, float]
    batch_size: int
    largest_batch: int
    out_of_memory_at: int | None
    tier: Tier
    tier_reason: str

    @property
    def memory_bytes(self) -> int:
        """What the model takes while it works in batches of the size to use."""
        return max(self.resident_bytes, self.peak_bytes[self.batch_size])

    @property
    def identity(self) -> tuple[str, str, str]:
        """Model, version and machine."""
        return self.model, self.version, self.machine


Measurements = Mapping[tuple[str, str, str], Measurement]


def measurements_file() -> Path:
    """Where the file is."""
    return cache_folder() / "measurements.json"


def read_measurements() -> dict[tuple[str, str, str], Measurement]:
    """What the file holds by model, version and machine. Raises ``ConfigurationError``."""
    path = measurements_file()
    try:
        entries = [_from_json(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as fault:
        reason = f"{type(fault).__name__}: {fault}"
        raise ConfigurationError([f"{path} cannot be read: {reason}"], hint="remove it and measure anew") from None
    return {entry.identity: entry for entry in entries}


def remember(measurement: Measurement) -> None:
    """Adds a measurement to the file, in place of an older one of the same."""
    known = read_measurements() | {measurement.identity: measurement}
    _write(known.values())


def measured_here(name: str, version: str) -> Measurement | None:
    """What was measured of that version of a model on this machine, whichever its device."""
    known = [entry for entry in read_measurements().values() if (entry.model, entry.version) == (name, version)]
    places = {place_of(device) for device in ("cpu", "cuda")} if known else set()
    return next((entry for entry in known if entry.machine in places), None)


def as_measured(spec: ModelSpec, known: Measurements) -> ModelSpec:
    """The entry with the memory, the batch size and, where it is the weaker one, the tier that were measured.

    An entry of which nothing was measured is returned as it is.
    """
    # The version of a folder takes reading it, so it is asked for only where there is something to find.
    if not any(name == spec.name for name, _, _ in known):
        return spec
    found = known.get((spec.name, spec.version, place_of(spec.device)))
    if found is None:
        return spec
    tier = max(spec.tier, found.tier, key=list(Tier).index)
    measured = replace(spec, memory_bytes=found.memory_bytes, memory_source=MemorySource.MEASURED)
    return replace(measured, batch_size=found.batch_size, tier=tier)


def _from_json(entry: Mapping[str, Any]) -> Measurement:
    sized = {name: {int(size): value for size, value in entry[name].items()} for name in _SIZED}
    return Measurement(**{**entry, **sized, "tier": Tier(entry["tier"])})


_SIZED = ("peak_bytes", "seconds_per_item")


def _write(entries: Iterable[Measurement]) -> None:
    ordered = sorted(entries, key=lambda entry: entry.identity)
    write_whole(measurements_file(), json.dumps([asdict(entry) for entry in ordered], indent=1) + "\n")
