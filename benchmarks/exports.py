"""How long exports take, and how much memory: films, mosaics, timelines, images and Parquet of dummy experiments.

python benchmarks/exports.py [--fast]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from panic_tda.store.database import open_record
from panic_tda.store.tables import embeddings, model_versions, outputs
from records.generated import fill

PROMPTS = ["a red apple", "a small wooden boat on a calm lake at dawn"]
DIMENSIONS = 768
MEGABYTE = 1 << (10 if sys.platform == "linux" else 20)


class Cost(NamedTuple):
    """What one command took: seconds on the clock, seconds of processors, peak of memory in MB."""

    wall: float
    cpu: float
    memory: float


def measured(command: list[str]) -> Cost:
    """Runs a command to its end; raises ``RuntimeError`` when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(time.perf_counter() - started, cpu, usage.ru_maxrss / MEGABYTE)


def embed(path: Path) -> None:
    """A random vector for each text, since it is not the embedding that is measured here."""
    rng = np.random.default_rng(0)
    with open_record(path) as record, record.writing() as connection:
        version = sa.select(model_versions.c.id).where(model_versions.c.name == "DummyText")
        row = {"model_version_id": connection.execute(version).scalar_one(), "created_at": datetime.now(UTC)}
        keys = connection.execute(sa.select(outputs.c.id).where(outputs.c.kind == "text")).scalars().all()
        for first in range(0, len(keys), 5_000):
            some = keys[first : first + 5_000]
            numbers = rng.standard_normal((len(some), DIMENSIONS), dtype=np.float32)
            rows = [row | {"output_id": key, "vector": vector} for key, vector in zip(some, numbers, strict=True)]
            connection.execute(sa.insert(embeddings), rows)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="a tenth of the steps and rows")
    fast = parser.parse_args().fast
    length, many = (10, 200) if fast else (100, 2_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film, large = folder / "film.sqlite", folder / "large.sqlite"
        fill(film, PROMPTS, 64, length)
        fill(large, PROMPTS, many, 100)
        embed(large)
        of = f"64 runs × {length}"
        rows = [
            *((f"video, {of}, hd, {codec}", film, ["video"], ["f.mp4", "--codec", codec], "60 s")
              for codec in ("h265", "h264", "av1")),
            (f"video, {of}, 4k, h265", film, ["video"], ["f4.mp4", "--resolution", "4k"], ""),
            (f"mosaic, {of}", film, ["mosaic"], ["m.png"], ""),
            (f"images, {of}, png", film, ["images"], ["pngs"], ""),
            (f"images, {of}, webp", film, ["images"], ["webps", "--format", "webp"], ""),
            (f"parquet, {many * 100:,} invocations", large, ["parquet"], ["tables"], "30 s, 1,000 MB"),
        ]  # fmt: skip
        print("| export | wall | processors | peak memory | to reach |\n|---|---|---|---|---|")
        for title, record, kind, (out, *options), goal in rows:
            tool = [sys.executable, "-m", "panic_tda", "--quiet", "--db", str(record), "export", *kind, "latest"]
            cost = measured([*tool, "--out", str(folder / out), *options])
            print(f"| {title} | {cost.wall:.1f} s | {cost.cpu:.1f} s | {cost.memory:.0f} MB | {goal} |", flush=True)


if __name__ == "__main__":
    main()
