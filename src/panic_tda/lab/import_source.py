"""Importing a database of an earlier implementation, with progress, and with entropies by today's definition."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from panic_tda.analysis.persistent_entropy import persistent_entropy
from panic_tda.lab.progress import Progress, ignore_progress
from panic_tda.store.database import Record
from panic_tda.store.importing.importing import import_source as transfer
from panic_tda.store.importing.importing import open_source
from panic_tda.store.importing.tally import Tally
from panic_tda.store.importing.times import time_zone
from panic_tda.store.importing.work import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def import_source(
    source: Path,
    target: Record,
    *,
    experiments: Sequence[str] = (),
    timezone: str = "UTC",
    skip_diagrams: bool = False,
    dry_run: bool = False,
    progress: Callable[[Progress], None] = ignore_progress,
) -> Tally:
    """Imports a SQLite file of the Python or the Elixir era, or a folder of Parquet files, into a record.

    ``timezone`` is the clock that wrote naive datetimes. What is there already stays as it is. Close the tally.
    Raises ``RequestError`` for a source that cannot be read, or is no database of an earlier implementation.
    """
    options = Options(time_zone(timezone), skip_diagrams, _entropies)
    with open_source(source) as opened:
        return transfer(
            opened, target, options, experiments=experiments, dry_run=dry_run, report=_steps(progress, time.monotonic())
        )


def _entropies(bars: NDArray[np.float64]) -> tuple[float, float]:
    found = persistent_entropy(bars)
    return found.plain, found.normalised


def _steps(progress: Callable[[Progress], None], begun: float) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        elapsed = time.monotonic() - begun
        rate = done / elapsed if elapsed > 0 else 0.0
        progress(Progress("import", done, total, rate=rate, seconds_left=(total - done) / rate if rate else None))

    return report
