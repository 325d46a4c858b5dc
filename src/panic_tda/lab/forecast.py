"""What performing an experiment would mean here: runs, calls, memory, and the time it will take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from panic_tda.errors import PanicError
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.preflight import faults
from panic_tda.lab.progress import seconds_left
from panic_tda.lab.status import seconds_per_item
from panic_tda.lab.workbench import Workbench
from panic_tda.models.model import ModelSpec, Tier


@dataclass(frozen=True, slots=True)
class Forecast:
    """What performing an experiment would mean here."""

    runs: int
    invocations: int
    models: list[dict[str, Any]]
    estimated_seconds: float | None
    warnings: list[str]

    @property
    def feasible(self) -> bool:
        """Whether every model can run here."""
        return not any(model["problems"] for model in self.models)


def forecast(bench: Workbench, experiment: Experiment) -> Forecast:
    """Runs, invocations, models with their memory and whether they fit, and the time they will take."""
    generated = experiment.calls_of_each_model()
    calls = generated | _outputs_to_measure(experiment, generated)
    with bench.record.reading() as connection:
        paces = {
            name: pace
            for name, spec in experiment.models().items()
            if (pace := seconds_per_item(connection, name, spec.version))
        }
    return Forecast(
        runs=experiment.count_runs(),
        invocations=sum(generated.values()),
        models=[_model(bench, spec, calls.get(spec.name, 0)) for spec in experiment.models().values()],
        estimated_seconds=seconds_left(calls, paces),
        warnings=_warnings(experiment),
    )


def _outputs_to_measure(experiment: Experiment, generated: dict[str, int]) -> dict[str, int]:
    """How many outputs each embedder measures when no two are equal."""
    makers = experiment.models()
    return {
        embedder.name: sum(
            calls for name, calls in generated.items() if makers[name].signature.output is embedder.signature.input
        )
        for embedder in experiment.embedders
    }


def _model(bench: Workbench, spec: ModelSpec, calls: int) -> dict[str, Any]:
    problems: list[PanicError] = faults({spec.name: spec}, bench.executor)
    return {
        "name": spec.name,
        "version": spec.version,
        "signature": str(spec.signature),
        "memory_bytes": spec.memory_bytes,
        "memory_source": spec.memory_source.value,
        "calls": calls,
        "batch_size": bench.batch_size_of(spec),
        "problems": [f"{fault.message} ({fault.hint})" if fault.hint else fault.message for fault in problems],
    }


def _warnings(experiment: Experiment) -> list[str]:
    seeds = [seed for seed in experiment.config.seeds if seed >= 0]
    free = [
        spec.name for spec in experiment.models().values() if spec.tier is Tier.FREE and spec.signature.is_generator
    ]
    if seeds and free:
        return [f"fixed seeds do not make runs repeatable here: {', '.join(free)} may answer otherwise (tier free)"]
    if experiment.config.num_runs > 1 and seeds:
        return [f"num_runs repeats the fixed seeds {seeds}: models of tier exact give the same trajectory each time"]
    return []
