"""The lyapunov stage: how fast runs of one prompt move apart, for every network, prompt and embedder."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from panic_tda.analysis.lyapunov import lyapunov_exponent
from panic_tda.errors import OutOfMemory, PanicError
from panic_tda.lab.progress import Pace
from panic_tda.lab.sharing import embedders_in_turn
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.models.model import ModelSpec
from panic_tda.store.generation import Failure, write_failures
from panic_tda.store.lyapunov import (
    GroupTrajectories,
    RunGroup,
    StoredLyapunov,
    count_groups,
    groups_without_lyapunov,
    load_group,
    write_lyapunov,
)
from panic_tda.store.progress import Count, advance_stage, count_failures, set_stage

STAGE = "lyapunov"
FEWEST_RUNS = 2
_SEED = 0
"""Every group draws its resamples from this seed, so that its result depends on its runs alone."""


def lyapunov(bench: Workbench, task: Task) -> None:
    """Computes the exponents that are missing or out of date; returns early when asked to stop."""
    if task.experiment.config.stages.lyapunov:
        for mine in embedders_in_turn(bench, task, STAGE):
            _lyapunov(bench, task, mine)


def _lyapunov(bench: Workbench, task: Task, specs: Sequence[ModelSpec]) -> None:
    missing = {spec.name: _begin(bench, task, spec) for spec in specs}
    with bench.record.reading() as connection:
        total = count_groups(connection, task.experiment_id) * len(missing)
    remaining = {name: len(groups) for name, groups in missing.items()}
    pace = Pace(STAGE, done=total - sum(remaining.values()), remaining=remaining, report=bench.report)
    pace.tell()
    for spec in specs:
        for group in missing[spec.name]:
            if bench.stop.is_set():
                return
            _perform(bench, task, spec, group, pace)
    pace.tell()


def _begin(bench: Workbench, task: Task, spec: ModelSpec) -> list[RunGroup]:
    version = task.versions[spec.name].id
    with bench.record.reading() as connection:
        missing = groups_without_lyapunov(connection, task.experiment_id, version, spec.name)
        total = count_groups(connection, task.experiment_id)
        done = total - len(missing) - count_failures(connection, task.experiment_id, STAGE, spec.name)
    with bench.storing(task) as connection:
        set_stage(connection, task.experiment_id, STAGE, spec.name, Count(done, total))
    return missing


def _perform(bench: Workbench, task: Task, spec: ModelSpec, group: RunGroup, pace: Pace) -> None:
    version = task.versions[spec.name].id
    with bench.record.reading() as connection:
        trajectories = load_group(connection, group, spec.signature.input, version)
    try:
        result = compute_lyapunov(trajectories, version)
    except (PanicError, MemoryError) as fault:
        error = fault if isinstance(fault, PanicError) else OutOfMemory("the runs of the group do not fit in memory")
        failure = Failure(task.experiment_id, STAGE, spec.name, error, trajectories.first_run_id)
        with bench.storing(task) as connection:
            write_failures(connection, [failure])
        pace.advance(spec.name, 0, 0.0, failed=1)
    else:
        with bench.storing(task) as connection:
            write_lyapunov(connection, result)
            advance_stage(connection, task.experiment_id, STAGE, spec.name, 1)
        pace.advance(spec.name, 1, result.seconds)
    pace.tell(spec.name)


def compute_lyapunov(trajectories: GroupTrajectories, model_version_id: str) -> StoredLyapunov:
    """The exponent of a group, or its explained absence when fewer than two runs can be compared."""
    started = time.perf_counter()
    # Two runs without a vector stand in for those that cannot be compared: every number of theirs is unknown.
    comparable = [points for points in trajectories.points if len(points)]
    empty = np.empty((0, 0), np.float32)
    compared = comparable if len(comparable) >= FEWEST_RUNS else [empty, empty]
    found = lyapunov_exponent(compared, np.random.default_rng(_SEED))
    return StoredLyapunov(
        group=trajectories.group,
        model_version_id=model_version_id,
        exponent=found.exponent.estimate,
        exponent_low=found.exponent.low,
        exponent_high=found.exponent.high,
        standard_error=found.standard_error,
        r_squared=found.r_squared,
        early_exponent=found.early.estimate,
        early_low=found.early.low,
        early_high=found.early.high,
        early_r_squared=found.early_r_squared,
        saturation_step=found.saturation,
        divergence_curve=found.mean_distance.tolist(),
        log_divergence_curve=found.log_divergence.tolist(),
        num_pairs=found.pairs,
        merged_pairs=found.merged,
        num_timesteps=found.steps,
        num_runs=len(trajectories.points),
        num_invocations=trajectories.num_invocations,
        num_points=trajectories.num_points,
        unmeasured=trajectories.unmeasured,
        cautions=list(found.cautions),
        absence=_absence(trajectories, len(comparable), found.exponent.estimate),
        seconds=time.perf_counter() - started,
    )


def _absence(trajectories: GroupTrajectories, comparable: int, exponent: float) -> str | None:
    if comparable < FEWEST_RUNS:
        lost = f", {trajectories.unmeasured} outputs could not be measured" if trajectories.unmeasured else ""
        runs = "1 run has" if comparable == 1 else "no run has"
        return f"{runs} measured outputs of this kind{lost}; divergence needs {FEWEST_RUNS}"
    return "no two runs lie apart at two steps or more" if np.isnan(exponent) else None
