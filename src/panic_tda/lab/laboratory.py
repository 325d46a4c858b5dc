"""The laboratory's front desk: everything a Python user does with experiments, and the command line too."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from panic_tda.lab import perform as performing
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.experiment_file import folder_of, read_experiment_file
from panic_tda.lab.named_programs import StoredPrograms, no_programs
from panic_tda.lab.perform import Outcome
from panic_tda.lab.progress import Progress, ignore_progress
from panic_tda.lab.validation import validate_config
from panic_tda.lab.workbench import Workbench, ignore_warning
from panic_tda.models.deployment import using
from panic_tda.programs.definition import Definition
from panic_tda.programs.stored import definitions
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.executors import make_executor
from panic_tda.settings import Settings
from panic_tda.store.database import Record


def load_config(source: str | Path | Mapping[str, Any], *, record: Record | None = None) -> Experiment:
    """Reads and checks an experiment: a path (JSON, YAML or TOML), ``-`` for stdin, or a mapping.

    Its networks may name programs of the ``record``, whose definitions the experiment then keeps. Raises
    ``ConfigurationError`` whose ``issues`` are one line for each fault.
    """
    return read_config(source, no_programs if record is None else partial(programs_of, record))


def read_config(source: str | Path | Mapping[str, Any], stored_programs: StoredPrograms) -> Experiment:
    """The same, with programs that are read when a network names something that is no model."""
    if isinstance(source, Mapping):
        return validate_config(source, folder=Path.cwd(), stored_programs=stored_programs)
    return validate_config(read_experiment_file(source), folder=folder_of(source), stored_programs=stored_programs)


def programs_of(record: Record) -> Mapping[str, Definition]:
    """The definitions of the programs in a record, by name."""
    with record.reading() as connection:
        return definitions(connection)


@contextmanager
def open_bench(
    record: Record,
    settings: Settings | None = None,
    *,
    progress: Callable[[Progress], None] = ignore_progress,
    warn: Callable[[str], None] = ignore_warning,
    stop: threading.Event | None = None,
    fail_on_error: float | None = None,
    executor: Executor | None = None,
) -> Iterator[Workbench]:
    """A workbench on a record, with the executor the settings name (closed at the end) or the one given."""
    given, settings = settings, settings or Settings()
    mine = executor or make_executor(settings)
    try:
        with using(given):
            yield Workbench(
                record=record,
                executor=mine,
                batch_size=settings.batch_size,
                threads=settings.threads or os.cpu_count() or 1,
                fail_on_error=fail_on_error,
                report=progress,
                warn=warn,
                stop=stop or threading.Event(),
            )
    finally:
        if executor is None:
            mine.close()


def perform(
    record: Record,
    experiment: Experiment,
    *,
    settings: Settings | None = None,
    progress: Callable[[Progress], None] = ignore_progress,
    fail_on_error: float | None = None,
    accept: bool = False,
) -> Outcome:
    """Creates the experiment in the record and performs every stage.

    ``progress`` is called on this thread after each batch. ``fail_on_error`` is the share of failed runs above
    which the work stops with ``TooManyFailures``; ``accept`` goes on with models whose trial outputs look like
    rubbish.
    """
    with open_bench(record, settings, progress=progress, fail_on_error=fail_on_error) as bench:
        key = performing.create(bench, experiment, accept=accept)
        return performing.perform(bench, [key])[0]


def resume(
    record: Record,
    name: str = "latest",
    *,
    settings: Settings | None = None,
    progress: Callable[[Progress], None] = ignore_progress,
    retry_failed: bool = False,
    take_over: bool = False,
) -> Outcome:
    """Does what is missing of an experiment, by id, unambiguous prefix or ``latest``.

    ``retry_failed`` tries failed runs again; ``take_over`` does not wait for others that seem to perform it.
    """
    with open_bench(record, settings, progress=progress) as bench:
        return performing.perform(bench, [name], retry_failed=retry_failed, take_over=take_over)[0]


def extend(
    record: Record,
    name: str = "latest",
    *,
    max_length: int | None = None,
    prompts: Sequence[str] = (),
    seeds: Sequence[int] = (),
    embedders: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Callable[[Progress], None] = ignore_progress,
) -> Outcome:
    """Adds steps, prompts, seeds or embedders to an experiment, and performs them."""
    with open_bench(record, settings, progress=progress) as bench:
        key = performing.extend(bench, name, max_length=max_length, prompts=prompts, seeds=seeds, embedders=embedders)
        return performing.perform(bench, [key])[0]
