"""One tuning at a time, across processes."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from panic_tda.errors import TrainingBusy
from panic_tda.models.versions.register import lock_file
from panic_tda.training.lock import only_one

HOLD = """
import sys
from panic_tda.training.lock import only_one
with only_one("Other"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path))


def test_who_comes_second_is_told_who_tunes_what_and_since_when() -> None:
    with only_one("Tiny"):
        with pytest.raises(TrainingBusy) as busy, only_one("Other"):
            pytest.fail("two tune at the same time")
        said = f"process {os.getpid()} on {platform.node()} has been tuning Tiny since 20"
        assert busy.value.message.startswith(said)
        assert "\n" not in busy.value.message
        lock_file().write_text("")  # as in the moment in which the holder changes
        with pytest.raises(TrainingBusy, match="another process is tuning an embedder"), only_one("Other"):
            pytest.fail("two tune at the same time")
    with only_one("Other"):
        pass


def test_the_lock_ends_with_its_holder_however_that_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TrainingBusy, match=f"process {holder.pid} .* tuning Other"), only_one("Tiny"):
            pytest.fail("two tune at the same time")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with only_one("Tiny"):
        pass
