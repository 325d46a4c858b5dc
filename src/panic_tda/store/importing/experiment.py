"""One experiment of a source, with all that belongs to it, in one transaction of the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.store.importing.conclusion import conclude
from panic_tda.store.importing.configuration import SourceExperiment, SourceRun, read_experiment, read_run
from panic_tda.store.importing.diagrams import import_diagrams
from panic_tda.store.importing.lyapunov import import_lyapunov
from panic_tda.store.importing.refusing import refuse_experiment, refuse_run
from panic_tda.store.importing.source import Row
from panic_tda.store.importing.steps import Place, Steps, import_steps
from panic_tda.store.importing.tally import Refusal
from panic_tda.store.importing.vectors import common_sizes, import_vectors
from panic_tda.store.importing.work import Work
from panic_tda.store.model_versions import is_historical
from panic_tda.store.outputs import encode_row, insert_outputs
from panic_tda.store.tables import experiments, runs

Identity = tuple[str, str, int]
"""Network, prompt and seed of a run: what its number tells apart."""


def import_experiment(work: Work, row: Row) -> None:
    """Imports what is not in the record yet of an experiment; what cannot be used is refused, with what hangs on it."""
    try:
        experiment = read_experiment(work, row)
        created_at = _ensure(work, experiment)
    except Refusal as reason:
        refuse_experiment(work, row["id"], reason)
        return
    refused_before = work.tally.counts["runs"].refused
    found = list(_source_runs(work, experiment))
    known = _recorded(work, experiment)
    sizes = common_sizes(work, [run.id for run in found])
    whole = work.tally.counts["runs"].refused == refused_before
    for run, number in zip(found, _numbers(found, known), strict=True):
        place = Place(run, created_at)
        _ensure_run(work, experiment, run, number, known)
        steps = import_steps(work, place)
        _end(work, run, steps)
        import_vectors(work, place, steps, sizes)
        if not work.options.skip_diagrams:
            import_diagrams(work, place, steps, sizes)
        whole = whole and not steps.cut
    import_lyapunov(work, experiment, sizes)
    conclude(work, experiment, sizes, whole=whole)


def _ensure(work: Work, experiment: SourceExperiment) -> datetime:
    """Creates the experiment if it is not there; when it was created."""
    query = sa.select(experiments).where(experiments.c.id == experiment.id).with_for_update()
    there = work.connection.execute(query).one_or_none()
    if there is not None:
        if not all(map(is_historical, there.model_versions.values())):
            raise Refusal("the record has another experiment of that id")
        work.tally.present("experiments")
        created: datetime = there.created_at
        return created
    created_at = experiment.started_at or experiment.completed_at or datetime.now(UTC)
    row = {"id": experiment.id, "status": "interrupted", "config": {}, "model_versions": {}, "created_at": created_at}
    work.connection.execute(sa.insert(experiments), row)
    work.tally.imported("experiments")
    return created_at


def _source_runs(work: Work, experiment: SourceExperiment) -> Iterator[SourceRun]:
    """The runs of the experiment in the order of their ids, their prompts in the record."""
    found: dict[str, SourceRun] = {}
    prompts: dict[str, Text] = {}
    for row in work.source.rows_with("runs", "experiment_id", [experiment.id]):
        try:
            run = read_run(work, row, experiment)
            if run.id in found:
                raise Refusal("another run has the same id")
        except Refusal as reason:
            refuse_run(work, row["id"], reason, with_steps=row["id"] not in found)
            continue
        found[run.id] = run._replace(prompt=prompts.setdefault(run.prompt.sha256, run.prompt))
    insert_outputs(work.connection, [encode_row(prompt) for prompt in prompts.values()])
    elsewhere = _elsewhere(work, experiment, list(found))
    for key in sorted(found):
        if key in elsewhere:
            refuse_run(work, key, "the record has another run of that id")
        else:
            yield found[key]


def _elsewhere(work: Work, experiment: SourceExperiment, keys: Sequence[str]) -> set[str]:
    taken = work.taken(runs, keys)
    return taken - _recorded(work, experiment).keys()


def _recorded(work: Work, experiment: SourceExperiment) -> dict[str, tuple[Identity, int]]:
    """Identity and number of the runs that the record has of the experiment, by id."""
    columns = (runs.c.id, runs.c.network_id, runs.c.prompt_id, runs.c.seed, runs.c.run_number)
    rows = work.connection.execute(sa.select(*columns).where(runs.c.experiment_id == experiment.id))
    return {key: ((network_id, prompt_id, seed), number) for key, network_id, prompt_id, seed, number in rows}


def _identity(run: SourceRun) -> Identity:
    return run.network_id, run.prompt.sha256, run.seed


def _numbers(found: Sequence[SourceRun], known: dict[str, tuple[Identity, int]]) -> Iterator[int]:
    """The number of each run among those of the same network, prompt and seed.

    It is what the record or the source says, or else, in the order of the ids, the least that is free.
    """
    used = set(known.values())
    said = Counter((_identity(run), run.number) for run in found if run.number is not None)
    next_free: dict[Identity, int] = {}
    for run in found:
        identity = _identity(run)
        if run.id in known:
            yield known[run.id][1]
            continue
        number = run.number
        if number is None or said[identity, number] > 1 or (identity, number) in used:
            number = next_free.get(identity, 0)
            while (identity, number) in used or (identity, number) in said:
                number += 1
            next_free[identity] = number + 1
        used.add((identity, number))
        yield number


def _ensure_run(
    work: Work, experiment: SourceExperiment, run: SourceRun, number: int, known: dict[str, tuple[Identity, int]]
) -> None:
    if run.id in known:
        work.tally.present("runs")
        return
    row = {
        "id": run.id,
        "experiment_id": experiment.id,
        "network_id": run.network_id,
        "network": run.network,
        "prompt_id": run.prompt.sha256,
        "seed": run.seed,
        "run_number": number,
        "max_length": run.max_length,
        "length": 0,
    }
    work.connection.execute(sa.insert(runs), row)
    work.tally.imported("runs")


def _end(work: Work, run: SourceRun, steps: Steps) -> None:
    """Writes how long the run is and why it stopped, as far as that can be told."""
    if not steps.grew:
        return
    made = list(steps.outputs.values())
    longest = max(run.max_length, len(made))
    reason, period = ("length", None) if len(made) == longest else _loop(run, made)
    ending = {"length": len(made), "max_length": longest, "stop_reason": reason, "period": period}
    work.connection.execute(sa.update(runs).where(runs.c.id == run.id).values(**ending))


def _loop(run: SourceRun, made: Sequence[str]) -> tuple[str | None, int | None]:
    """Whether a run that stopped early repeats itself: the last output was there before, at the same place."""
    if run.seed < 0 or not made:
        return None, None
    cycle = len(run.network)
    before = [step for step in range(len(made) - 1 - cycle, -1, -cycle) if made[step] == made[-1]]
    return ("loop", len(made) - 1 - before[0]) if before else (None, None)
