"""What an executor did: calls, errors, times, restarts, and which models are in memory."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from threading import Lock
from typing import NamedTuple

from panic_tda.models.model import ModelSpec
from panic_tda.runtime.result import Result, Timings

BOUNDS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Upper bounds of the histograms' buckets, in seconds; one more bucket has none."""


@dataclass(slots=True)
class Histogram:
    """How often a time fell into each bucket, and the sum of all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Counts one time."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds

    def __add__(self, other: Histogram) -> Histogram:
        counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        return Histogram(counts, self.total_s + other.total_s)

    @property
    def mean_s(self) -> float:
        """The mean; 0 without times."""
        return self.total_s / max(1, sum(self.counts))


@dataclass(slots=True)
class ModelMetrics:
    """What was done with one model; ``load`` counts loads only, not calls that found the model in memory."""

    calls: int = 0
    items: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    queue: Histogram = field(default_factory=Histogram)
    load: Histogram = field(default_factory=Histogram)
    run: Histogram = field(default_factory=Histogram)

    def __add__(self, other: ModelMetrics) -> ModelMetrics:
        return ModelMetrics(
            **{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        )


class Snapshot(NamedTuple):
    """Everything at one moment; ``resident`` maps models in memory to bytes, workers added up."""

    models: Mapping[str, ModelMetrics]
    restarts: int
    workers: int
    waiting: int
    resident: Mapping[str, int]


class Metrics:
    """Counts from any thread."""

    def __init__(self) -> None:
        self._models: dict[str, ModelMetrics] = defaultdict(ModelMetrics)
        self._lock = Lock()

    @contextmanager
    def of(self, spec: ModelSpec) -> Iterator[Callable[[Result], Result]]:
        """Counts the call that is run inside the block: what it raises, or the result that is handed in."""
        try:
            yield lambda result: self._answered(spec, result)
        except Exception as fault:
            with self._lock:
                model = self._models[spec.name]
                model.calls += 1
                model.errors[type(fault).__name__] += 1
            raise

    def _answered(self, spec: ModelSpec, result: Result) -> Result:
        with self._lock:
            model = self._models[spec.name]
            model.calls += 1
            model.items += len(result.outputs)
            model.errors.update(type(each).__name__ for each in result.outputs if isinstance(each, Exception))
            model.repeated.update(attempt.error for attempt in result.attempts)
            self._time(model, result.timings)
        return result

    def models(self) -> dict[str, ModelMetrics]:
        """What was counted so far, by model."""
        with self._lock:
            return dict(self._models)

    def _time(self, model: ModelMetrics, timings: Timings) -> None:
        model.queue.add(timings.queue_s)
        model.run.add(timings.run_s)
        if timings.load_s:
            model.load.add(timings.load_s)


def rows(snapshot: Snapshot) -> Iterator[tuple[str, ...]]:
    """A table for people: model, calls, items, faults, seconds of queue, load and run on average, and MB in memory."""
    for name, model in sorted(snapshot.models.items()):
        faults = model.errors + Counter({f"{kind} (repeated)": count for kind, count in model.repeated.items()})
        yield (
            name,
            str(model.calls),
            str(model.items),
            ", ".join(f"{count} {kind}" for kind, count in sorted(faults.items())) or "–",
            *(f"{each.mean_s:.3g}" for each in (model.queue, model.load, model.run)),
            f"{snapshot.resident.get(name, 0) / 1e6:.0f}",
        )


COLUMNS = ("model", "calls", "items", "faults", "queue s", "load s", "run s", "MB")
