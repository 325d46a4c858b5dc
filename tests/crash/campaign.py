"""Kills experiments at every named point and at random moments, and holds what is left against an undisturbed one.

    python tests/crash/campaign.py [--moments 200] [--embedded 20]

Prints the counts. After each kill and resume the record must equal, table for table, that of an experiment nobody
disturbed: no duplicates, no gaps, no committed invocation computed again, a whole file, and nothing for the doctor.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa

from panic_tda.fault_points import POINTS
from panic_tda.lab.doctor import examine
from panic_tda.lab.perform import create
from panic_tda.lab.validation import validate_config
from panic_tda.store.database import open_record
from panic_tda.store.tables import invocations
from support.canonical import Canonical, canonical
from support.laboratory import bench_on

VICTIM = Path(__file__).with_name("victim.py")
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
    """Kills and resumes copies of one experiment."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self._folder = folder
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
        killed = self._run(path, calls, point, str(nth)) == -signal.SIGKILL
        self._check(path, calls, killed, f"{point}, time {nth}")
        return killed

    def at_moment(self, share: float) -> bool:
        """Is killed after a share of the time an undisturbed experiment takes, and resumed."""
        path, calls = self._new()
        process = self._start(path, calls)
        try:
            process.communicate(timeout=share * self._seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        killed = process.returncode == -signal.SIGKILL
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

    def _new(self) -> tuple[Path, Path]:
        self._number += 1
        path = Path(shutil.copy(self._created, self._folder / f"{self._number}.sqlite"))
        return path, path.with_suffix(".calls")

    def _start(self, path: Path, calls: Path, *point: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(VICTIM), str(path), str(calls), *point]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def _run(self, path: Path, calls: Path, *point: str) -> int:
        process = self._start(path, calls, *point)
        _, errors = process.communicate()
        if process.returncode > 0:
            self.tally.faults.append(errors.decode(errors="replace")[-500:])
        return process.returncode

    def _check(self, path: Path, calls: Path, killed: bool, where: str) -> None:
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
                whole = connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            with bench_on(record) as bench:
                self.tally.damaged += not whole or bool(examine(bench))
        for file in self._folder.glob(f"{self._number}.*"):
            file.unlink()


def _committed(path: Path) -> int:
    with open_record(path) as record, record.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(invocations)).scalar_one())


def main() -> int:
    """Runs the whole campaign; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=200, help="random moments, with dummies")
    parser.add_argument("--embedded", type=int, default=20, help="random moments, with the embedded default models")
    arguments = parser.parse_args()
    clean = True
    for name, config, moments in (("dummies", DUMMIES, arguments.moments), ("embedded", EMBEDDED, arguments.embedded)):
        with tempfile.TemporaryDirectory() as folder:
            campaign = Campaign(Path(folder), config)
            if name == "dummies":
                for point in STAGE_POINTS:
                    for nth in (1, 2, 5, 20, 100):
                        campaign.at_point(point, nth)
            chance = random.Random(1)
            for _ in range(moments):
                campaign.at_moment(chance.random())
            print(f"{name}: {campaign.tally}", flush=True)
            clean = clean and campaign.tally.clean
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
