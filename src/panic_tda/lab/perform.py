"""Performing an experiment: create what must exist, then let each stage do what is missing.

Perform, resume and extend are one path: they differ only in what is written before :func:`perform` runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.content import Image
from panic_tda.errors import ConfigurationError, RecordError, RequestError, TooManyFailures
from panic_tda.lab.config import ImagePrompt
from panic_tda.lab.diagrams import diagrams
from panic_tda.lab.embed import embed
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.generate import generate
from panic_tda.lab.preflight import check_pins, preflight
from panic_tda.lab.sanity import gate
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Task, Workbench
from panic_tda.store.claims import claim, release
from panic_tda.store.database import Record
from panic_tda.store.experiments import (
    create_experiment,
    ensure_runs,
    find_experiment,
    update_experiment,
)
from panic_tda.store.generation import forgive_failures
from panic_tda.store.model_versions import register
from panic_tda.store.outputs import encode_row, insert_outputs, load_image
from panic_tda.store.progress import (
    count_runs,
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
    """Checks that the models can run, creates the experiment with all its runs at once, and returns its id."""
    models = experiment.models()
    preflight(models, bench.executor)
    gate(bench, experiment, accept=accept)
    pins = {name: spec.version for name, spec in models.items()}
    with bench.record.writing() as connection:
        key = create_experiment(connection, experiment.to_json(), pins)
        _ensure(connection, key, experiment)
    return key


def _ensure(connection: Connection, key: str, experiment: Experiment) -> None:
    insert_outputs(connection, [encode_row(prompt) for prompt in experiment.prompts])
    ensure_runs(connection, key, experiment.planned_runs())
    register(connection, experiment.models().values())


def load(record: Record, name: str) -> tuple[str, Experiment]:
    """An experiment in the record by id, prefix or ``latest``: its id and its validated configuration."""
    with record.reading() as connection:
        row = find_experiment(connection, name)
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
) -> str:
    """Adds steps, prompts or seeds to an experiment in the record; :func:`perform` then does what was added."""
    key, experiment = load(bench.record, name)
    config = experiment.to_json()
    if not (max_length or prompts or seeds):
        raise RequestError("nothing to extend", hint="give --max-length, --prompt or --seed")
    if max_length is not None and max_length < config["max_length"]:
        raise RequestError(f"experiment {key} already has max_length {config['max_length']}; it cannot shrink")
    config["max_length"] = max_length or config["max_length"]
    config["prompts"] += [prompt for prompt in prompts if prompt not in config["prompts"]]
    config["seeds"] += [seed for seed in seeds if seed not in config["seeds"]]
    extended = _restored(bench.record, config)
    pins = {model: spec.version for model, spec in extended.models().items()}
    with bench.record.writing() as connection:
        row = find_experiment(connection, key)
        check_pins(extended.models(), row.model_versions, key)
        update_experiment(connection, key, config=extended.to_json(), pins=pins)
        _ensure(connection, key, extended)
        forget_stages(connection, key)
    return key


def perform(
    bench: Workbench, names: Sequence[str], *, retry_failed: bool = False, take_over: bool = False
) -> list[Outcome]:
    """Does what is missing of experiments in the record; runs of all of them share batches of the same model.

    Raises ``RecordBusy`` when another process performs one of them (unless ``take_over``), and
    ``TooManyFailures``; whatever happens, what was finished is stored, and performing again goes on from there.
    """
    started = time.monotonic()
    with _faults_of_the_database(bench.record):
        tasks = [_prepare(bench, name, retry_failed) for name in names]
        with _claimed(bench, tasks, take_over):
            generate(bench, tasks)
            for task in tasks:
                for stage in (embed, diagrams):
                    if not bench.stop.is_set():
                        stage(bench, task)
        return [outcome(bench.record, task.experiment_id, time.monotonic() - started) for task in tasks]


def _prepare(bench: Workbench, name: str, retry_failed: bool) -> Task:
    key, experiment = load(bench.record, name)
    models = experiment.models()
    preflight(models, bench.executor)
    with bench.record.writing() as connection:
        check_pins(models, find_experiment(connection, key).model_versions, key)
        versions = register(connection, models.values())
        _ensure(connection, key, experiment)
        if retry_failed:
            forgive_failures(connection, key)
    return Task(key, experiment, versions)


@contextmanager
def _claimed(bench: Workbench, tasks: Sequence[Task], take_over: bool) -> Iterator[None]:
    claimed: list[str] = []
    status = "interrupted"
    try:
        for task in tasks:
            with bench.record.writing() as connection:
                claim(connection, task.experiment_id, take_over=take_over)
            claimed.append(task.experiment_id)
        yield
        if not bench.stop.is_set():
            status = ""
    except TooManyFailures:
        status = "failed"
        raise
    finally:
        for key in claimed:
            with bench.record.writing() as connection:
                release(connection, key, status or _verdict(connection, key))


def _verdict(connection: Connection, key: str) -> str:
    reasons = stop_reasons(connection, key)
    return "failed" if reasons["failed"] and reasons["failed"] == sum(reasons.values()) else "completed"


@contextmanager
def _faults_of_the_database(record: Record) -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as fault:
        reason = str(fault.orig).strip().splitlines()[0]
        raise RecordError(
            f"{record.location}: {reason}", hint="what was finished is recorded; resume when this is mended"
        ) from fault


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
