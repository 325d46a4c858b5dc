"""Many processes that write to one SQLite file at once, one that reads it and one that copies it meanwhile.

    write RECORD RUN BATCHES | read RECORD | export RECORD TARGET

Each writer adds one invocation with each batch to a run of its own. The reader and the exporter go on until a line
comes on stdin; the reader holds that what it sees is whole.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.store.copying import copy_experiments
from panic_tda.store.database import open_record
from panic_tda.store.experiments import experiment_ids
from panic_tda.store.generation import runs_with_holes
from panic_tda.store.tables import invocations, runs
from support.nursery import Forked, Nursery
from support.records import grow, plant

WRITER = "crash.writers"


def write_together(nursery: Nursery, writers: int, batches: int) -> list[str]:
    """What went wrong, or was lost, in words; nothing of it should."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.sqlite"
        with open_record(path) as record, record.writing() as connection:
            _, run_ids = plant(connection, seeds=range(writers), max_length=batches)
        place, copy = str(path), str(Path(folder) / "copy.sqlite")
        others = [nursery.start(WRITER, "read", place), nursery.start(WRITER, "export", place, copy)]
        processes = [nursery.start(WRITER, "write", place, run_id, str(batches)) for run_id in run_ids]
        faults = [fault for process in processes if (fault := _ended(process))]
        faults += [fault for process in others if (fault := _ended(process))]
        return faults + _lost(path, writers * batches) + _lost(Path(folder) / "copy.sqlite", writers * batches)


def _ended(process: Forked) -> str:
    process.say("stop")
    code = process.wait()
    return f"exit code {code}: {process.errors[-500:]}" if code else ""


def _lost(path: Path, expected: int) -> list[str]:
    with open_record(path) as record, record.reading() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(invocations)).scalar_one()
        whole = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    return [] if (found, whole) == (expected, "ok") else [f"{path.name}: {found} of {expected} rows, {whole}"]


def write(location: str, run_id: str, batches: str) -> None:
    """Adds invocations, each in a transaction of its own."""
    with open_record(location) as record:
        for number in range(int(batches)):
            with record.writing() as connection:
                grow(connection, run_id, [Text(f"{run_id} {number}")], start=number)


def read(location: str) -> None:
    """Looks again and again whether every run is whole."""
    stop = _stop()
    with open_record(location) as record:
        while not stop.is_set():
            with record.reading() as connection:
                key = experiment_ids(connection, ["latest"])[0]
                assert runs_with_holes(connection, key) == []
                told = connection.execute(sa.select(sa.func.sum(runs.c.length))).scalar_one()
                assert told == connection.execute(sa.select(sa.func.count()).select_from(invocations)).scalar_one()


def export(location: str, target: str) -> None:
    """Copies the experiment again and again, and once more when it is finished."""
    stop = _stop()
    with open_record(location) as record, open_record(target) as copy:
        while True:
            last = stop.is_set()
            with record.reading() as connection:
                keys = experiment_ids(connection, ["latest"])
            copy_experiments(record, copy, keys)
            if last:
                return


def _stop() -> threading.Event:
    heard = threading.Event()

    def listen() -> None:
        sys.stdin.readline()
        heard.set()

    threading.Thread(target=listen, daemon=True).start()
    return heard


def main(arguments: Sequence[str]) -> int:
    """Plays a role."""
    roles: dict[str, Callable[..., None]] = {"write": write, "read": read, "export": export}
    roles[arguments[0]](*arguments[1:])
    return 0
