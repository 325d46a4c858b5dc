"""What every stage works with: the record, the executor, the experiment, and how to report and stop."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from panic_tda.lab.config import MAX_SEED
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.progress import Pace, Progress, ignore_progress
from panic_tda.models.catalogue import find
from panic_tda.models.model import MemorySource, ModelSpec
from panic_tda.runtime.executor import Executor
from panic_tda.store.database import Record
from panic_tda.store.model_versions import ModelVersion
from panic_tda.store.performers import Performer, hold
from panic_tda.store.settings import earlier_measurement, pace_key, write_setting

LEASE_S = 60.0
GLANCE_S = 2.0
PATIENCE_S = 300.0


def draw_seed() -> int:
    """A seed from the system's randomness, 0 to 2³¹ − 2 (some engines read the largest values as "choose one")."""
    return secrets.randbelow(MAX_SEED)


def ignore_warning(_: str) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Workbench:
    """``batch_size`` 0 takes each model's own; ``fail_on_error`` is the share of failed runs that stops the work.

    A process that gives no sign of life for ``lease_s`` seconds loses its work to others; every ``glance_s`` seconds it
    looks how many others there are. A database server that went
    away is waited for ``patience_s`` seconds.
    """

    record: Record
    executor: Executor
    batch_size: int = 0
    threads: int = 1
    fail_on_error: float | None = None
    report: Callable[[Progress], None] = ignore_progress
    warn: Callable[[str], None] = ignore_warning
    stop: threading.Event = field(default_factory=threading.Event)
    draw: Callable[[], int] = draw_seed
    lease_s: float = LEASE_S
    glance_s: float = GLANCE_S
    patience_s: float = PATIENCE_S

    def batch_size_of(self, spec: ModelSpec) -> int:
        """The flag, else what was measured on this machine, else what earlier releases kept, else the catalogue's."""
        if self.batch_size or spec.memory_source is MemorySource.MEASURED:
            return self.batch_size or spec.batch_size
        with self.record.reading() as connection:
            earlier = earlier_measurement(connection, spec.name, spec.version)
        return earlier.batch_size if earlier else spec.batch_size

    @contextmanager
    def storing(self, *tasks: Task) -> Iterator[Connection]:
        """A transaction for what was done of these tasks; raises ``RecordBusy`` when others have taken them over."""
        with self.record.writing() as connection:
            hold(connection, [task.performer for task in tasks if task.performer])
            yield connection

    def remember_pace(self, pace: Pace) -> None:
        """Keeps what an item takes with the record, for estimates of the time that other work will take."""
        with self.record.writing() as connection:
            for name, seconds in pace.seconds_per_item().items():
                write_setting(connection, pace_key(name, find(name).version), seconds)


@dataclass(frozen=True, slots=True)
class Task:
    """One experiment on the bench; ``performer`` is this process among those that perform it, None when it is alone."""

    experiment_id: str
    experiment: Experiment
    versions: Mapping[str, ModelVersion]
    performer: Performer | None = None
