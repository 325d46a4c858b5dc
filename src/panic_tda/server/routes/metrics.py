"""What the executor did, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from panic_tda.runtime.metrics import BOUNDS_S, Histogram, ModelMetrics, Snapshot
from panic_tda.server.access import Desk
from panic_tda.server.shapes import answered

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response, responses=answered(text="text/plain"))
def metrics(desk: Desk) -> Response:
    """Calls, items, errors by type, times of queue, load and run, restarts, and models in memory."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(desk.executor.snapshot))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class SnapshotCollector(Collector):
    """A snapshot as metrics of Prometheus, taken when it is asked for."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        now = self._snapshot()
        yield from _by_model(now)
        yield from _times(now)
        for name, said, value in (
            ("panic_tda_workers", "Workers that are there.", now.workers),
            ("panic_tda_waiting_calls", "Calls in the queue.", now.waiting),
        ):
            yield GaugeMetricFamily(name, said, value=value)
        yield CounterMetricFamily("panic_tda_restarts", "Workers started in the place of others.", value=now.restarts)
        resident = GaugeMetricFamily(
            "panic_tda_resident_bytes", "Memory of a model, workers added up.", labels=["model"]
        )
        for model, size in now.resident.items():
            resident.add_metric([model], size)
        yield resident


def _by_model(now: Snapshot) -> Iterator[Metric]:
    calls = CounterMetricFamily("panic_tda_calls", "Calls of a model.", labels=["model"])
    items = CounterMetricFamily("panic_tda_items", "Inputs of these calls.", labels=["model"])
    errors = CounterMetricFamily("panic_tda_errors", "Errors by type.", labels=["model", "type"])
    repeated = CounterMetricFamily("panic_tda_repeated_calls", "Calls that were repeated.", labels=["model", "type"])
    for name, model in now.models.items():
        calls.add_metric([name], model.calls)
        items.add_metric([name], model.items)
        for family, counts in ((errors, model.errors), (repeated, model.repeated)):
            for kind, count in counts.items():
                family.add_metric([name, kind], count)
    yield from (calls, items, errors, repeated)


def _times(now: Snapshot) -> Iterator[Metric]:
    kinds: dict[str, Callable[[ModelMetrics], Histogram]] = {
        "queue": lambda model: model.queue,
        "load": lambda model: model.load,
        "run": lambda model: model.run,
    }
    for kind, of in kinds.items():
        family = HistogramMetricFamily(f"panic_tda_{kind}_seconds", f"Seconds of {kind} of a call.", labels=["model"])
        for name, model in now.models.items():
            family.add_metric([name], buckets(of(model)), sum_value=of(model).total_s)
        yield family


def buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Prometheus counts in each bucket everything below its bound."""
    total, found = 0, []
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), histogram.counts, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
