"""Showing progress on stderr: bars on a terminal, plain lines otherwise, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from panic_tda.cli.output import duration, message, rate
from panic_tda.lab.progress import Progress

_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """What to hand to the stages as ``report``."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _Bars() as bars:
            yield bars
    else:
        yield Lines()


def describe(progress: Progress) -> str:
    """``generate 120/6400 (2 %), 310/s, 20 s left``."""
    share = 100 * progress.done // progress.total if progress.total else 100
    parts = [f"{progress.stage} {progress.done}/{progress.total} ({share} %)"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.rate:
        parts.append(rate(progress.rate))
    if progress.seconds_left:
        parts.append(f"{duration(progress.seconds_left)} left")
    return ", ".join(parts)


class Lines:
    """A line when a stage begins and ends, and every few seconds between."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, write: Callable[[str], None] = message) -> None:
        self._clock = clock
        self._write = write
        self._stage = ""
        self._last = 0.0
        self._ended = False

    def __call__(self, progress: Progress) -> None:
        """Shows one report, if it is time."""
        now = self._clock()
        begins = progress.stage != self._stage
        ends = progress.done + progress.failed >= progress.total
        if begins or (ends and not self._ended) or now - self._last >= _SECONDS_BETWEEN_LINES:
            self._write(describe(progress))
            self._last = now
        self._stage, self._ended = progress.stage, ends


class _Bars:
    """One bar for each stage."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._progress = RichProgress(
            TextColumn("{task.description:9}"),
            BarColumn(),
            TextColumn("{task.fields[words]}"),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, progress: Progress) -> None:
        words = describe(progress).removeprefix(f"{progress.stage} ")
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._progress.add_task(progress.stage, words=words)
        task = self._progress.tasks[self._tasks[progress.stage]]
        self._progress.update(
            task.id, completed=progress.done + progress.failed, total=max(progress.total, 1), words=words
        )
