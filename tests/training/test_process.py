"""A tuning in a process of its own, which here waits for pairs that come through a pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from panic_tda.errors import TrainingError
from panic_tda.models.versions.register import lock_file
from panic_tda.settings import Settings
from panic_tda.training.config import TuningConfig, validate_tuning
from panic_tda.training.lock import only_one
from panic_tda.training.process.child import finetune_aside
from panic_tda.training.process.messages import Task
from support.checkpoints import require_libraries
from support.threads import beside
from support.tuning import nobody_tunes
from support.waiting import eventually, is_running

require_libraries()
pytest.importorskip("datasets")

ASIDE = """
import sys, threading
from pathlib import Path
from panic_tda.settings import Settings
from panic_tda.training.config import validate_tuning
from panic_tda.training.process.child import finetune_aside
from panic_tda.training.process.messages import Task

config = {"model": "MiniLMTorch", "corpus": {"pairs": ["pipe.jsonl"]}}
task = Task(validate_tuning(config, folder=Path(sys.argv[1])), Settings())
finetune_aside(task, report=lambda *said: print(*said, flush=True), stop=threading.Event())
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TuningConfig:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path))
    os.mkfifo(tmp_path / "pipe.jsonl")
    return validate_tuning({"model": "MiniLMTorch", "corpus": {"pairs": ["pipe.jsonl"]}}, folder=tmp_path)


def test_a_process_that_is_killed_is_a_training_error(config: TuningConfig) -> None:
    reads = threading.Event()
    ended = beside(
        lambda: finetune_aside(Task(config, Settings()), report=lambda *_: reads.set(), stop=threading.Event())
    )
    assert reads.wait(60)
    tuner = json.loads(lock_file().read_text())["pid"]
    assert tuner != os.getpid()
    os.kill(tuner, signal.SIGKILL)
    with pytest.raises(TrainingError, match="that tuned MiniLMTorch was ended by SIGKILL"):
        ended.result(timeout=60)
    with only_one("Another"):
        pass


def test_it_dies_with_the_process_that_wanted_it(config: TuningConfig) -> None:
    folder = str(Path(config.corpus.pairs[0]).parent)
    with subprocess.Popen([sys.executable, "-c", ASIDE, folder], stdout=subprocess.PIPE, text=True) as wanting:
        assert wanting.stdout is not None
        assert wanting.stdout.readline() == "read 0 1\n"
        tuner = json.loads(lock_file().read_text())["pid"]
        wanting.send_signal(signal.SIGKILL)
    assert eventually(lambda: not is_running(tuner))
    assert eventually(nobody_tunes)
