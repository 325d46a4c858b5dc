"""Many processes that write to one SQLite file at once, one that reads it and one that copies it meanwhile.

    python writers.py write RECORD RUN BATCHES | read RECORD | export RECORD TARGET

Each writer adds one invocation with each batch to a run of its own. The reader and the exporter go on until a line
comes on stdin; the reader holds that what it sees is whole.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.store.copying import copy_experiments
from panic_tda.store.database import open_record
from panic_tda.store.experiments import experiment_ids
from panic_tda.store.generation import runs_with_holes
from panic_tda.store.tables import invocations, runs
from support.records import grow, plant


def write_together(writers: int, batches: int) -> list[str]:
    """What went wrong, or was lost, in words; nothing of it should."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.sqlite"
        with open_record(path) as record, record.writing() as connection:
            _, run_ids = plant(connection, seeds=range(writers), max_length=batches)
        others = [_started("read", path), _started("export", path, Path(folder) / "copy.sqlite")]
        processes = [_started("write", path, run_id, batches) for run_id in run_ids]
        faults = [fault for process in processes if (fault := _ended(process))]
        faults += [fault for process in others if (fault := _ended(process))]
        return faults + _lost(path, writers * batches) + _lost(Path(folder) / "copy.sqlite", writers * batches)


def _started(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _ended(process: subprocess.Popen[str]) -> str:
    _, errors = process.communicate("stop\n")
    return f"exit code {process.returncode}: {errors[-500:]}" if process.returncode else ""


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


if __name__ == "__main__":
    ROLES: dict[str, Callable[..., None]] = {"write": write, "read": read, "export": export}
    ROLES[sys.argv[1]](*sys.argv[2:])
