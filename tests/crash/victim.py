"""Performs the experiment of a record, and dies by SIGKILL where it was told to.

    python victim.py RECORD CALLS [POINT NTH]

``CALLS`` is a file to which a line is added for each item a generator computes, before it is computed. ``POINT`` is a
fault point; at the ``NTH`` time it is reached the process is gone.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from panic_tda import fault_points
from panic_tda.lab.perform import perform
from panic_tda.lab.workbench import Workbench
from panic_tda.models.model import Model, ModelSpec, Placement
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.store.database import open_record


class Counted:
    """A generator that writes down every item it is asked for."""

    def __init__(self, inner: Any, name: str, calls: Path) -> None:
        self._inner, self._name, self._calls = inner, name, calls

    def generate(self, inputs: Sequence[Any], seeds: Sequence[int], parameters: Any) -> Any:
        """Writes a line for each item, then computes them."""
        with self._calls.open("a") as lines:
            lines.writelines(f"{self._name} {given.sha256} {seed}\n" for given, seed in zip(inputs, seeds, strict=True))
        return self._inner.generate(inputs, seeds, parameters)

    def close(self) -> None:
        """Frees the model."""
        self._inner.close()


def main(record_path: str, calls: str, point: str = "", nth: str = "1") -> None:
    """Performs, or dies."""

    def load(spec: ModelSpec, placement: Placement) -> Model:
        model = spec.load(placement)
        counted: Model = Counted(model, spec.name, Path(calls)) if spec.signature.is_generator else model
        return counted

    if point:
        reached = itertools.count(1)
        last = int(nth)
        fault_points.arm(point, lambda: os.kill(os.getpid(), signal.SIGKILL) if next(reached) == last else None)
    with open_record(record_path) as record:
        executor = InProcessExecutor(load=load)
        perform(Workbench(record, executor, batch_size=8, report=_say), ["latest"])
        executor.close()


def _say(progress: Any) -> None:
    """A line on stdout for each report, by which the other side chooses its moment."""
    print(progress.stage, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
