"""Measuring a model on this machine, and keeping what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from panic_tda.lab.measuring.investigation import Findings, Task
from panic_tda.lab.measuring.own_process import investigate_aside
from panic_tda.lab.sanity import Verdict, remember_verdict
from panic_tda.models.catalogue import published
from panic_tda.models.machine import place_of
from panic_tda.models.measurements import Measurement, remember
from panic_tda.models.model import ModelSpec, Tier
from panic_tda.models.reaching import check_reachable
from panic_tda.store.database import Record

_LARGEST = 32


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, the tier the catalogue claims, and what the outputs looked like."""

    measurement: Measurement
    claimed: Tier
    seeds_matter: bool
    verdict: Verdict | None

    @property
    def contradiction(self) -> str:
        """A sentence when the tier that holds here is a weaker one than the catalogue's; else empty."""
        found = self.measurement
        if list(Tier).index(found.tier) <= list(Tier).index(self.claimed):
            return ""
        return (
            f"{found.model} is {found.tier} here, and the catalogue says {self.claimed}: {found.tier_reason}; "
            f"from now on it counts as {found.tier} on this machine"
        )

    def to_json(self) -> dict[str, Any]:
        """As printed."""
        return {
            **asdict(self.measurement),
            "memory_bytes": self.measurement.memory_bytes,
            "tier_claimed": self.claimed,
            "seeds_matter": self.seeds_matter,
            "verdict": asdict(self.verdict) if self.verdict else None,
        }


def measure(
    record: Record,
    spec: ModelSpec,
    *,
    budget_bytes: int,
    threads: int = 1,
    sizes: Sequence[int] = (),
    accept: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Measured:
    """Measures a model in a process of its own, and keeps what it finds for every experiment on this machine.

    ``sizes`` are the batch sizes to try besides 1, else powers of two. The verdict on the outputs is kept with the
    record. Raises ``PrerequisiteError`` for a model that cannot be asked now.
    """
    check_reachable(spec)
    task = Task(spec, sorted({1, *(sizes or sizes_to_try(spec))}), threads, budget_bytes)
    found = investigate_aside(task, report)
    measurement = _measurement(spec, found)
    remember(measurement)
    if found.verdict is not None and not spec.synthetic:
        with record.writing() as connection:
            remember_verdict(connection, spec, found.verdict, accept=accept)
    claimed = published().get(spec.name, spec).tier
    return Measured(measurement, claimed, found.proof.seeds_matter, found.verdict)


def sizes_to_try(spec: ModelSpec) -> list[int]:
    """Powers of two up to 32, and up to the catalogue's batch size where that is larger."""
    largest = max(_LARGEST, spec.batch_size)
    return [2**power for power in range(largest.bit_length())]


def best_batch(seconds_per_item: Mapping[int, float]) -> int:
    """The smallest batch within 5 % of the best time per item, since small batches lose less in a crash."""
    best = min(seconds_per_item.values())
    return min(size for size, seconds in seconds_per_item.items() if seconds <= 1.05 * best)


def _measurement(spec: ModelSpec, found: Findings) -> Measurement:
    return Measurement(
        model=spec.name,
        version=spec.version,
        machine=place_of(spec.device),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        load_seconds=found.load_seconds,
        resident_bytes=found.resident_bytes,
        peak_bytes=found.peak_bytes,
        seconds_per_item=found.seconds_per_item,
        batch_size=best_batch(found.seconds_per_item),
        largest_batch=max(found.seconds_per_item),
        out_of_memory_at=found.out_of_memory_at,
        tier=found.proof.tier,
        tier_reason=found.proof.reason,
    )
