"""A real file system that is full: a tmpfs of a few megabytes, where the tests may mount one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from panic_tda.store.database import open_record

CONFIG = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple"],
    "seeds": [1, 2, 3, 4],
    "embedding_models": ["DummyText"],
    "max_length": 30,
}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root on Linux may mount a tmpfs")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path, *, leaving: int) -> Path:
    """Takes the room on a disk but for some bytes."""
    status = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - leaving))
    return ballast


def panic_tda(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from panic_tda.cli import main; main()", "--quiet", *words]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True)


def test_an_experiment_on_a_full_disk_says_so_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    (small_disk / "e.json").write_text(json.dumps(CONFIG))
    open_record(small_disk / "panic-tda.sqlite").close()
    ballast = fill(small_disk, leaving=400_000)
    full = panic_tda(small_disk, "experiment", "perform", "e.json")
    assert full.returncode == 1
    error, hint = full.stderr.splitlines()
    assert error.startswith("error: panic-tda.sqlite: ")
    assert "make room on its disk, then panic-tda experiment resume" in hint
    ballast.unlink()
    resumed = panic_tda(small_disk, "--json", "experiment", "resume", "latest")
    assert json.loads(resumed.stdout)["status"] == "completed"
    assert panic_tda(small_disk, "doctor").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ("mosaic", "latest", "--out", "disk/mosaic.png"),
        ("parquet", "latest", "--out", "disk/tables"),
        ("images", "latest", "--out", "disk/images"),
        ("report", "latest", "--no-analyses", "--out", "disk/report.html"),
        ("db", "latest", "--out", "disk/copy.sqlite"),
    ],
    ids=lambda words: words[0],
)
def test_an_export_to_a_full_disk_is_one_clear_error_that_names_the_file(
    small_disk: Path, tmp_path: Path, performed: Path, words: tuple[str, ...]
) -> None:
    fill(small_disk, leaving=8_192)
    failed = panic_tda(tmp_path, "--db", str(performed), "export", *words)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert failed.stderr.startswith("error: disk/")
    assert words[-1] in failed.stderr.splitlines()[0]


@pytest.fixture(scope="module")
def performed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment somewhere else."""
    folder = tmp_path_factory.mktemp("performed")
    (folder / "e.json").write_text(json.dumps(CONFIG))
    assert panic_tda(folder, "experiment", "perform", "e.json").returncode == 0
    return folder / "panic-tda.sqlite"
