"""A command line in a temporary folder, with or without an experiment in its database."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command_line import DUMMIES, CommandLine
from panic_tda.lab.laboratory import load_config, perform
from panic_tda.store.database import open_record


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal() -> Iterator[None]:
    """What runs in the background may be deaf to Ctrl-C and SIGHUP, and so would be the processes of the tests."""
    interrupted = signal.signal(signal.SIGINT, signal.default_int_handler)
    hung_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGHUP, hung_up)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """``panic-tda`` in an empty folder, with no settings from outside."""
    for variable in [name for name in os.environ if name.startswith("PANIC_TDA_")]:
        monkeypatch.delenv(variable)
    # What was measured on this machine is not to decide, and nothing is to be left behind.
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path, capsys)


@pytest.fixture(scope="session")
def performed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database with the dummy experiment performed, and the experiment's id. Copy it, never change it."""
    path = tmp_path_factory.mktemp("performed") / "panic-tda.sqlite"
    with open_record(path) as record:
        outcome = perform(record, load_config(DUMMIES))
    return path, outcome.id


@pytest.fixture
def experiment_id(command: CommandLine, performed: tuple[Path, str]) -> str:
    """Puts a performed experiment into the command line's database."""
    path, key = performed
    shutil.copy(path, command.folder / "panic-tda.sqlite")
    return key
