"""Kills experiments at every named point and at random moments, and holds what is left against an undisturbed one.

    python tests/crash/campaign.py [--moments 200] [--embedded 20]

Prints the counts. After each kill and resume the record must equal, table for table, that of an experiment nobody
disturbed: no duplicates, no gaps, no committed invocation computed again, a whole file, and nothing for the doctor.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa

from crash.writers import WRITER, write_together
from panic_tda.fault_points import POINTS
from panic_tda.lab.doctor import examine
from panic_tda.lab.perform import create
from panic_tda.lab.validation import validate_config
from panic_tda.store.copying import copy_experiments
from panic_tda.store.database import open_record
from panic_tda.store.revisions import HEAD, REVISIONS, upgrade
from panic_tda.store.tables import invocations, runs
from support.canonical import Canonical, canonical
from support.laboratory import bench_on
from support.nursery import Forked, Nursery

VICTIM = "crash.victim"
STAGE_POINTS = POINTS[:6]
DUMMIES: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple", "Test prompt"],
    "seeds": [*range(31), 42],
    "embedding_models": ["DummyText"],
    "max_length": 50,
}
"""64 runs of 50 steps."""

EMBEDDED: dict[str, Any] = {
    "networks": [["Glyph", "RapidOCR"]],
    "prompts": ["a red apple"],
    "seeds": [1, 2],
    "embedding_models": ["MiniLM"],
    "max_length": 4,
}


@dataclass
class Tally:
    """What the campaign has seen so far."""

    killed: int = 0
    survived: int = 0
    different: int = 0
    computed_again: int = 0
    damaged: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, done twice or damaged."""
        return not (self.different or self.computed_again or self.damaged or self.faults)


class Campaign:
    """Kills and resumes copies of one experiment, in processes of a nursery.

    ``blank`` gives a database without tables for each copy; without it they are SQLite files in ``folder``. Full disks
    and random moments are for files only.
    """

    def __init__(
        self, folder: Path, config: Mapping[str, Any], nursery: Nursery, blank: Callable[[], str] | None = None
    ) -> None:
        self._folder = folder
        self._nursery = nursery
        self._blank = blank
        self._number = 0
        self._seconds = 0.0
        self._created = folder / "created.sqlite"
        with open_record(self._created) as record, bench_on(record) as bench:
            self._key = create(bench, validate_config(config, folder=Path()), accept=True)
        self.tally = Tally()
        self._reference = self._undisturbed()

    def at_point(self, point: str, nth: int) -> bool:
        """Dies the ``nth`` time a point is reached, and is resumed; whether it came so far."""
        path, calls = self._new()
        killed = self._run(path, calls, "--point", point, "--nth", str(nth)) == -signal.SIGKILL
        self._check(path, calls, killed, f"{point}, time {nth}")
        return killed

    def out_of_disk(self, point: str, nth: int) -> str:
        """No file may grow from the ``nth`` time a point is reached; resumed when there is room. The error it gave."""
        path, calls = self._new()
        process = self._start(path, calls, "--point", point, "--nth", str(nth), "--act", "full")
        process.wait()
        self._check(path, calls, False, f"out of disk {point}, time {nth}")
        return process.errors.replace(path, "RECORD")

    def together(self, number: int, *, ending: str = "") -> list[int]:
        """Several processes perform at once; how many items each computed.

        ``killed``: the first of them dies on the way. ``stopped``: it stands still until the others, when its lease has
        run out, have finished without it.
        """
        path, calls = self._new()
        lease = "4" if ending == "stopped" else "60"
        options = ("--glance-s", "0.02", "--lease-s", lease)
        files = [calls.with_suffix(f".calls{member}") for member in range(number)]
        first = self._start(path, files[0], *options, "--point", "after the commit", "--nth", "9", "--act", "wait")
        first.read_until("waiting")
        others = [self._start(path, file, *options) for file in files[1:]]
        for other in others:
            other.read_until("generate")  # it has joined
        if ending == "stopped":
            first.send_signal(signal.SIGSTOP)
        else:
            first.say("go")
        if ending == "killed":
            first.read_until("generate")
            first.send_signal(signal.SIGKILL)
            first.wait()  # one that is dead but not collected would seem to live until its lease has run out
        codes = [self._finish(other) for other in others]
        if ending == "stopped":
            first.send_signal(signal.SIGCONT)
            first.say("go")
        codes.append(self._finish(first))
        allowed = {"": 0, "killed": -signal.SIGKILL, "stopped": 1}[ending]
        if any(codes[:-1]) or codes[-1] != allowed:
            self.tally.faults.append(f"together {ending}: exit codes {codes}")
        computed = [len(file.read_text().splitlines()) if file.exists() else 0 for file in files]
        in_flight = 6 * 8 if ending else 0  # batches: two at the model, two encoded, two waiting to be stored
        self.tally.computed_again += sum(computed) > len(self._reference["invocations"]) + in_flight
        self._check(path, calls, False, f"together {ending}")
        return computed

    def _finish(self, process: Forked) -> int:
        code = process.wait()
        if code > 0 and "was taken over" not in process.errors:
            self.tally.faults.append(process.errors[-500:])
        return code

    def during_migration(self, revision: str = "") -> bool:
        """Dies while a record of an old revision is brought up to date, or a new one is made; and is opened again."""
        self._number += 1
        path = self._folder / f"{self._number}.sqlite"
        if revision:
            engine = sa.create_engine(f"sqlite:///{path}")
            upgrade(engine, revision)
            engine.dispose()
        options = ("--point", "during the migration", "--open")
        killed = self._run(str(path), path.with_suffix(".calls"), *options) == -signal.SIGKILL
        self.tally.killed += killed
        with open_record(path) as record, record.reading() as connection:
            whole = _is_whole(connection)
            head = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == HEAD
        self.tally.damaged += not (whole and head)
        self._remove()
        return killed

    def during_creation(self, config: Mapping[str, Any], runs_planned: int) -> int:
        """Dies at each commit while an experiment is created: it is there with all its runs, or not at all."""
        for nth in itertools.count(1):
            self._number += 1
            path = self._folder / f"{self._number}.sqlite"
            options = ("--create", json.dumps(config), "--point", "before the commit", "--nth", str(nth))
            code = self._run(str(path), path.with_suffix(".calls"), *options)
            with open_record(path) as record, record.reading() as connection:
                created = connection.execute(sa.select(sa.func.count()).select_from(runs)).scalar_one()
            self._remove()
            self.tally.damaged += created not in (0, runs_planned)
            if code == 0:
                self.tally.damaged += created != runs_planned
                return nth - 1
            self.tally.killed += 1
        raise AssertionError

    def during_export(self) -> bool:
        """Dies just before an export gets its name: there is the old file or none, never half of one."""
        path, calls = self._new()
        self._run(path, calls)
        target = self._folder / f"{self._number}.png"
        target.write_bytes(b"the old one")
        killed = self._run(path, calls, "--point", "during the export rename", "--export", str(target)) < 0
        self.tally.killed += killed
        self.tally.damaged += target.read_bytes() != b"the old one"
        if self._run(path, calls, "--export", str(target)) or target.read_bytes()[:4] != b"\x89PNG":
            self.tally.faults.append("an export that was killed could not be made again")
        self._check(path, calls, killed, "during an export")
        return killed

    def at_moment(self, share: float) -> bool:
        """Is killed after a share of the time that the last undisturbed one took, and resumed."""
        path, calls = self._new()
        started = time.monotonic()
        process = self._start(path, calls)
        try:
            process.wait(timeout=share * self._seconds)
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
        killed = process.wait() == -signal.SIGKILL
        if not killed:
            self._seconds = time.monotonic() - started
        self._check(path, calls, killed, f"at {share:.3f} of the time")
        return killed

    def _undisturbed(self) -> Canonical:
        path, calls = self._new()
        started = time.monotonic()
        if self._run(path, calls) != 0:
            raise RuntimeError("the undisturbed experiment failed")
        self._seconds = time.monotonic() - started
        with open_record(path) as record:
            return canonical(record, self._key)

    def _new(self) -> tuple[str, Path]:
        """Where the next copy is, and the file for its calls."""
        self._number += 1
        calls = self._folder / f"{self._number}.calls"
        if self._blank is None:
            return str(shutil.copy(self._created, calls.with_suffix(".sqlite"))), calls
        place = self._blank()
        with open_record(self._created) as created, open_record(place) as copy:
            copy_experiments(created, copy, [self._key])
        return place, calls

    def _start(self, path: str, calls: Path, *options: str) -> Forked:
        return self._nursery.start(VICTIM, path, str(calls), *options)

    def _run(self, path: str, calls: Path, *options: str) -> int:
        process = self._start(path, calls, *options)
        code = process.wait()
        if code > 0:
            self.tally.faults.append(process.errors[-500:])
        return code

    def _check(self, path: str, calls: Path, killed: bool, where: str) -> None:
        self.tally.killed += killed
        self.tally.survived += not killed
        committed = _committed(path)
        calls.unlink(missing_ok=True)
        if self._run(path, calls) != 0:
            self.tally.faults.append(f"{where}: it did not resume")
            return
        with open_record(path) as record:
            again = canonical(record, self._key)
            if again != self._reference:
                tables = [table for table, rows in self._reference.items() if again[table] != rows]
                self.tally.different += 1
                self.tally.faults.append(f"{where}: other rows in {', '.join(tables)}")
            computed = len(calls.read_text().splitlines()) if calls.exists() else 0
            if computed > len(self._reference["invocations"]) - committed:
                self.tally.computed_again += 1
            with record.reading() as connection:
                whole = _is_whole(connection)
            with bench_on(record) as bench:
                self.tally.damaged += not whole or bool(examine(bench))
        self._remove()

    def _remove(self) -> None:
        for file in self._folder.glob(f"{self._number}.*"):
            file.unlink()


def _is_whole(connection: sa.Connection) -> bool:
    """What SQLite says of its file; a server looks after its own."""
    if connection.dialect.name != "sqlite":
        return True
    return bool(connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok")


def _committed(path: str) -> int:
    with open_record(path) as record, record.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(invocations)).scalar_one())


def _everywhere(campaign: Campaign) -> None:
    """Every point that has a name, and several processes at once."""
    for point in STAGE_POINTS:
        for nth in (1, 2, 5, 20, 100):
            campaign.at_point(point, nth)
    for revision in REVISIONS[:-1]:
        campaign.during_migration(revision)
    campaign.during_export()
    campaign.during_creation(DUMMIES, 64)
    for point, nth in (("after the model call", 30), ("between stages", 1), ("between stages", 2)):
        campaign.out_of_disk(point, nth)
    for ending in ("", "killed", "stopped"):
        print(f"together {ending}: {campaign.together(3, ending=ending)} computed", flush=True)


def main() -> int:
    """Runs the whole campaign; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=200, help="random moments, with dummies")
    parser.add_argument("--embedded", type=int, default=20, help="random moments, with the embedded default models")
    arguments = parser.parse_args()
    clean = True
    configurations = (("dummies", DUMMIES, arguments.moments), ("embedded", EMBEDDED, arguments.embedded))
    with Nursery(VICTIM, WRITER) as nursery:
        for name, config, moments in configurations:
            with tempfile.TemporaryDirectory() as folder:
                campaign = Campaign(Path(folder), config, nursery)
                if name == "dummies":
                    _everywhere(campaign)
                chance = random.Random(1)
                for _ in range(moments):
                    campaign.at_moment(chance.random())
            print(f"{name}: {campaign.tally}", flush=True)
            clean = clean and campaign.tally.clean
        lost = write_together(nursery, 8, 500)
    print(f"8 writers x 500 batches with a reader and an exporter: {lost or 'nothing lost, no fault'}")
    clean = clean and not lost
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
