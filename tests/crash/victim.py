"""Does one thing with a record, and dies by SIGKILL, runs out of disk or waits where it was told to.

    RECORD CALLS [--point POINT --nth N] [--act die|full|wait] [--batch-size N] [--lease-s S] [--glance-s S]
    RECORD CALLS --export FILE | --create CONFIG | --open

``CALLS`` is a file to which a line is added for each item a generator computes, before it is computed. ``POINT`` is a
fault point; at the ``NTH`` time it is reached the process is gone (``die``), the record may not grow any more
(``full``), or it says so and waits for a line on stdin (``wait``). Performing prints its stage with each report of
progress.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from panic_tda import fault_points
from panic_tda.errors import PanicError
from panic_tda.lab.perform import perform
from panic_tda.lab.workbench import GLANCE_S, LEASE_S, Workbench
from panic_tda.models.catalogue import published
from panic_tda.models.model import Model, ModelSpec, Placement
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.store.database import open_record

published()  # imports the families of models, once for all processes that a nursery forks


class Counted:
    """A generator that writes down every item it is asked for."""

    def __init__(self, inner: Any, name: str, calls: Path) -> None:
        self._inner, self._name, self._calls = inner, name, calls

    def generate(self, inputs: Sequence[Any], seeds: Sequence[int], parameters: Any) -> Any:
        """Writes a line for each item, then computes them."""
        lines = [f"{self._name} {given.sha256} {seed}\n" for given, seed in zip(inputs, seeds, strict=True)]
        file = os.open(self._calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, "".join(lines).encode())  # whole, however many processes write
        os.close(file)
        return self._inner.generate(inputs, seeds, parameters)

    def close(self) -> None:
        """Frees the model."""
        self._inner.close()


def die(_: str) -> None:
    """Nothing is finished, nothing is closed."""
    os.kill(os.getpid(), signal.SIGKILL)


def fill(record: str) -> None:
    """From now on the log of the record, the largest file, does not grow any more."""
    log = Path(f"{record}-wal")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))


def wait(_: str) -> None:
    """Until the other side says go."""
    print("waiting", flush=True)
    sys.stdin.readline()


ACTS: dict[str, Callable[[str], None]] = {"die": die, "full": fill, "wait": wait}


def arm(given: argparse.Namespace) -> None:
    """Lets it happen at the ``nth`` time."""
    act, reached = ACTS[given.act], itertools.count(1)
    fault_points.arm(given.point, lambda: act(given.record) if next(reached) == given.nth else None)


def main(arguments: Sequence[str]) -> int:
    """Performs, exports or opens, or dies; 1 with the error on stderr when that failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("record")
    parser.add_argument("calls", type=Path)
    parser.add_argument("--point")
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--act", choices=ACTS, default="die")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--lease-s", type=float, default=LEASE_S)
    parser.add_argument("--glance-s", type=float, default=GLANCE_S)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--create", help="an experiment as JSON")
    parser.add_argument("--open", action="store_true")
    given = parser.parse_args(arguments)
    if given.point:
        arm(given)
    try:
        work(given)
    except PanicError as fault:
        print(f"{type(fault).__name__}: {fault.message} ({fault.hint})", file=sys.stderr)
        return 1
    return 0


def work(given: argparse.Namespace) -> None:
    """What was asked for."""

    def load(spec: ModelSpec, placement: Placement) -> Model:
        model = spec.load(placement)
        counted: Model = Counted(model, spec.name, given.calls) if spec.signature.is_generator else model
        return counted

    with open_record(given.record) as record:
        if given.open:
            return
        if given.export:
            from panic_tda.figures.exhibition import write_mosaic
            from panic_tda.store.experiments import experiment_ids

            with record.reading() as connection:
                keys = experiment_ids(connection, ["latest"])
            write_mosaic(record, keys, given.export)
            return
        executor = InProcessExecutor(load=load)
        if given.create:
            from panic_tda.lab.perform import create
            from panic_tda.lab.validation import validate_config

            create(Workbench(record, executor), validate_config(json.loads(given.create), folder=Path()), accept=True)
            executor.close()
            return
        bench = Workbench(
            record,
            executor,
            batch_size=given.batch_size,
            report=_say,
            lease_s=given.lease_s,
            glance_s=given.glance_s,
        )
        try:
            perform(bench, ["latest"])
        finally:
            executor.close()


def _say(progress: Any) -> None:
    """A line on stdout for each report, by which the other side chooses its moment."""
    print(progress.stage, flush=True)
