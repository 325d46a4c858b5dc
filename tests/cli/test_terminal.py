"""What a terminal sees, and what a pipe that nobody reads does."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from cli.command_line import CommandLine

MAIN = [sys.executable, "-c", "from panic_tda.cli import main; main()"]


def everything_from(descriptor: int) -> str:
    pieces = []
    while True:
        try:
            piece = os.read(descriptor, 65_536)
        except OSError:  # how Linux says that the other end of a terminal was closed
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(descriptor)
    return b"".join(pieces).decode()


def test_progress_is_a_bar_for_each_stage_on_a_terminal(command: CommandLine, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = ["experiment", "perform", command.write(), "--json"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([*MAIN, *words], stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = everything_from(ours)
        assert process.stdout is not None
        out = process.stdout.read().decode()
    assert process.returncode == 0
    assert out.startswith("{")
    assert "\x1b" not in out
    assert "━" in shown
    for words_shown in ("generate", "12/12 (100 %)", "embed", "diagrams", "4/4 (100 %)"):
        assert words_shown in shown


def test_a_table_is_fitted_to_the_terminal(command: CommandLine, experiment_id: str) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "70"}
    with subprocess.Popen([*MAIN, "run", "list"], stdout=theirs, env=environment, cwd=command.folder) as process:
        os.close(theirs)
        shown = everything_from(ours)
    assert process.returncode == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= 70
    assert sum(len(line.split()[0]) == 36 for line in lines if line.split()) == 2  # ids are never broken
    piped = subprocess.run([*MAIN, "run", "list"], capture_output=True, text=True, cwd=command.folder, check=True)
    assert len(piped.stdout.splitlines()) == 3
    assert all(" length" in line for line in piped.stdout.splitlines())


def test_a_reader_that_goes_away_is_no_reason_to_complain(command: CommandLine, experiment_id: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*MAIN, "config", "schema"], stdout=writing, stderr=subprocess.PIPE, cwd=command.folder, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
