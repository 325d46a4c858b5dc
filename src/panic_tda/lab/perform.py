"""Performing an experiment: create what must exist, then let each stage do what is missing.

Perform, resume and extend are one path: they differ only in what is written before :func:`perform` runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.content import Image
from panic_tda.errors import ConfigurationError, RecordError, RequestError, TooManyFailures
from panic_tda.fault_points import reach
from panic_tda.lab.config import ImagePrompt
from panic_tda.lab.diagrams import diagrams
from panic_tda.lab.embed import embed
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.generate import generate
from panic_tda.lab.lyapunov import lyapunov
from panic_tda.lab.patience import patiently
from panic_tda.lab.preflight import check_pins, preflight, refuse_historical
from panic_tda.lab.sanity import gate
from panic_tda.lab.sharing import signs_of_life
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.models.catalogue import find
from panic_tda.store.database import Record
from panic_tda.store.experiments import (
    create_experiment,
    ensure_runs,
    experiment_ids,
    find_experiment,
    update_experiment,
)
from panic_tda.store.generation import forgive_failures
from panic_tda.store.model_versions import register
from panic_tda.store.outputs import encode_row, insert_outputs, known_outputs, load_image
from panic_tda.store.performers import Performer, join, leave, refuse_if_busy
from panic_tda.store.progress import (
    count_runs,
    count_twins,
    forget_stages,
    generate_count,
    recorded_failures,
    stage_count,
    stop_reasons,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How performing an experiment ended, and how much of it is in the record."""

    id: str
    status: str
    runs: int
    invocations: int
    embeddings: int
    persistence_diagrams: int
    failures: int
    seconds: float


def create(bench: Workbench, experiment: Experiment, *, accept: bool = False) -> str:
    """Checks that the models can run, creates the experiment with all its runs, and returns its id."""
    return create_together(bench, [experiment], accept=accept)[0]


def create_together(bench: Workbench, experiments: Sequence[Experiment], *, accept: bool = False) -> list[str]:
    """Checks that every model can run, creates the experiments with all their runs at once, and returns their ids."""
    for experiment in experiments:
        preflight(experiment.models(), bench.executor)
    for experiment in experiments:
        gate(bench, experiment, accept=accept)
    with bench.record.writing() as connection:
        return [_created(connection, experiment) for experiment in experiments]


def _created(connection: Connection, experiment: Experiment) -> str:
    key = create_experiment(connection, experiment.to_json(), _pins(experiment))
    _ensure(connection, key, experiment)
    return key


def _pins(experiment: Experiment) -> dict[str, str]:
    return {name: spec.version for name, spec in experiment.models().items()}


def _ensure(connection: Connection, key: str, experiment: Experiment) -> None:
    insert_outputs(connection, [encode_row(prompt) for prompt in experiment.prompts])
    complete = count_twins(connection, key) == experiment.count_twins()
    if not complete:
        for changed in experiment.changed_prompts():
            if not known_outputs(connection, [changed.sha256]):
                insert_outputs(connection, [encode_row(changed)])
    ensure_runs(connection, key, experiment.planned_runs(), () if complete else experiment.planned_twins())
    register(connection, experiment.models().values())


def load(record: Record, name: str) -> tuple[str, Experiment]:
    """An experiment in the record by id, prefix or ``latest``: its id and its validated configuration.

    Raises ``HistoricalModel`` for one that was imported.
    """
    with record.reading() as connection:
        row = find_experiment(connection, name)
    refuse_historical(row.model_versions, row.id)
    return row.id, _restored(record, row.config)


def _restored(record: Record, config: dict[str, Any]) -> Experiment:
    def load_prompt(prompt: ImagePrompt) -> Image:
        if prompt.sha256 is None:
            raise ConfigurationError([f"image prompt {prompt.image} has no identity in the record"])
        with record.reading() as connection:
            return load_image(connection, prompt.sha256)

    return validate_config(config, folder=Path(), load_image=load_prompt)


def extend(
    bench: Workbench,
    name: str,
    *,
    max_length: int | None = None,
    prompts: Sequence[str] = (),
    seeds: Sequence[int] = (),
    embedders: Sequence[str] = (),
    accept: bool = False,
) -> str:
    """Adds steps, prompts, seeds or embedders to an experiment in the record; :func:`perform` then does what was added.

    An alias among the embedders, ``NAME@champion``, is the version that it means now. Raises ``RecordBusy`` while a
    living process performs the experiment.
    """
    key, experiment = load(bench.record, name)
    config = experiment.to_json()
    if not (max_length or prompts or seeds or embedders):
        raise RequestError("nothing to extend", hint="give --max-length, --prompt, --seed or --embedder")
    if max_length is not None and max_length < config["max_length"]:
        raise RequestError(f"experiment {key} already has max_length {config['max_length']}; it cannot shrink")
    config["max_length"] = max_length or config["max_length"]
    config["prompts"] += [prompt for prompt in prompts if prompt not in config["prompts"]]
    config["seeds"] += [seed for seed in seeds if seed not in config["seeds"]]
    measuring = dict.fromkeys(find(embedder).name for embedder in embedders)
    config["embedding_models"] += [each for each in measuring if each not in config["embedding_models"]]
    extended = _restored(bench.record, config)
    preflight(extended.models(), bench.executor)
    gate(bench, extended, accept=accept)
    with bench.record.writing() as connection:
        row = find_experiment(connection, key)
        refuse_if_busy(connection, row)
        check_pins(extended.models(), row.model_versions, key)
        update_experiment(connection, key, config=extended.to_json(), pins=_pins(extended))
        _ensure(connection, key, extended)
        forget_stages(connection, key)
    return key


def perform(
    bench: Workbench, names: Sequence[str], *, retry_failed: bool = False, take_over: bool = False
) -> list[Outcome]:
    """Does what is missing of experiments in the record; runs of all of them share batches of the same model.

    Other processes may perform the same experiments at the same time: each does a part of the work, and what one that
    died had begun is done by the others; ``take_over`` dismisses them all. A database server that goes away is waited
    for. Raises ``TooManyFailures``; whatever happens, what was finished is stored, and performing again goes on from
    there.
    """
    started = time.monotonic()
    with _faults_of_the_database(bench.record):
        keys = patiently(bench, lambda: _keys(bench.record, names))
        performers = [Performer(key, bench.lease_s) for key in keys]
        with _joined(bench, performers, take_over) as work:
            tasks = patiently(bench, lambda: [_prepare(bench, performer, retry_failed) for performer in performers])
            with work:
                patiently(bench, lambda: _all_stages(bench, tasks))
        seconds = time.monotonic() - started
        return patiently(bench, lambda: [outcome(bench.record, key, seconds) for key in keys])


def _keys(record: Record, names: Sequence[str]) -> list[str]:
    with record.reading() as connection:
        return experiment_ids(connection, names)


def _all_stages(bench: Workbench, tasks: Sequence[Task]) -> None:
    generate(bench, tasks)
    for task in tasks:
        for stage in (embed, diagrams, lyapunov):
            if not bench.stop.is_set():
                reach("between stages")
                stage(bench, task)


def _prepare(bench: Workbench, performer: Performer, retry_failed: bool) -> Task:
    key = performer.experiment_id
    _, experiment = load(bench.record, key)
    models = experiment.models()
    preflight(models, bench.executor)
    with bench.record.writing() as connection:
        check_pins(models, find_experiment(connection, key).model_versions, key)
        versions = register(connection, models.values())
        _ensure(connection, key, experiment)
        if retry_failed:
            forgive_failures(connection, key)
    return Task(key, experiment, versions, performer)


class _Work:
    """How the work on experiments ended; before it begins, their status stays what it was."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._status: str | None = None
        self.broken = False

    def __enter__(self) -> None:
        self._status = "interrupted"

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.broken = kind is not None and issubclass(kind, sa.exc.DBAPIError)
        if kind is not None and issubclass(kind, TooManyFailures):
            self._status = "failed"
        elif kind is None and not self._bench.stop.is_set():
            self._status = ""

    def status(self, connection: Connection, key: str, before: str) -> str:
        """What to record of an experiment whose status was another before."""
        if self._status is None:
            return before
        return self._status or _verdict(connection, key)


@contextmanager
def _joined(bench: Workbench, performers: Sequence[Performer], take_over: bool) -> Iterator[_Work]:
    """This process takes part in performing the experiments while the block lasts."""
    work = _Work(bench)
    before: dict[Performer, str] = {}
    try:
        for performer in performers:
            before[performer] = patiently(bench, partial(_join, bench.record, performer, take_over))
        with signs_of_life(bench.record, performers):
            yield work
    finally:
        for performer, status in before.items():
            leaving = partial(_leave, bench.record, performer, work, status)
            if work.broken:
                with suppress(sa.exc.DBAPIError):  # the fault of the database that ended the work is the one to tell
                    leaving()
            else:
                patiently(bench, leaving)


def _join(record: Record, performer: Performer, take_over: bool) -> str:
    with record.writing() as connection:
        return join(connection, performer, take_over=take_over)


def _leave(record: Record, performer: Performer, work: _Work, before: str) -> None:
    with record.writing() as connection:
        leave(connection, performer, work.status(connection, performer.experiment_id, before))


def _verdict(connection: Connection, key: str) -> str:
    reasons = stop_reasons(connection, key)
    if sum(reasons.values()) < count_runs(connection, key):
        return "interrupted"
    return "failed" if reasons["failed"] and reasons["failed"] == sum(reasons.values()) else "completed"


@contextmanager
def _faults_of_the_database(record: Record) -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as fault:
        reason = str(fault.orig).strip().splitlines()[0]
        raise RecordError(f"{record.location}: {reason}", hint=_remedy(reason)) from fault


def _remedy(reason: str) -> str:
    """What to do about a fault of the database; SQLite says ``disk I/O error`` where a file may not grow."""
    full = any(words in reason.lower() for words in ("disk is full", "disk i/o", "no space left"))
    mend = "make room on its disk, then" if full else "when this is mended:"
    return f"what was finished is recorded; {mend} panic-tda experiment resume"


def outcome(record: Record, key: str, seconds: float = 0.0) -> Outcome:
    """What the record holds of an experiment."""
    with record.reading() as connection:
        row = find_experiment(connection, key)
        return Outcome(
            id=key,
            status=row.status,
            runs=count_runs(connection, key),
            invocations=generate_count(connection, key).done,
            embeddings=stage_count(connection, key, "embed").done,
            persistence_diagrams=stage_count(connection, key, "diagrams").done,
            failures=len(recorded_failures(connection, key)),
            seconds=round(seconds, 3),
        )
