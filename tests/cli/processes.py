"""Real ``panic-tda`` processes, and a plug-in whose model works only when a test lets it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

_PLUGIN = """
import os, sys
from panic_tda.content import Text
from panic_tda.models.model import ModelSpec
from panic_tda.signature import Signature

MODELS = (ModelSpec(
    name="Gatekeeper", family="tests", signature=Signature.parse("text -> text"), summary="waits at a gate",
    loader="gatekeeper:load", licence="MIT", source="tests", twin="tests/cli/processes.py",
    memory_bytes=1, batch_size=2, synthetic=True,
),)


class Gatekeeper:
    def generate(self, inputs, seeds, parameters):
        if gate := os.environ.pop("GATE", ""):
            print("the model is called", file=sys.stderr, flush=True)
            open(gate).close()  # a FIFO: waits until the test opens its other end
        return [Text(f"{text.value[:40]}.{seed}") for text, seed in zip(inputs, seeds)]

    def close(self):
        pass


def load(spec, placement):
    return Gatekeeper()
"""
_SECONDS = 60


def install_gatekeeper(folder: Path) -> None:
    """Puts a distribution with the plug-in into a folder that is to be on the path."""
    information = folder / "gatekeeper-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "gatekeeper.py").write_text(_PLUGIN, encoding="utf-8")
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: gatekeeper\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[panic_tda.models]\ngate = gatekeeper:MODELS\n", encoding="utf-8")


class Process:
    """A running command whose stderr is read line by line; it is killed when it hangs."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        program = [sys.executable, "-c", "from panic_tda.cli import main; main()", *words]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PANIC_TDA_")}
        self._process = subprocess.Popen(
            program,
            cwd=folder,
            env=clean | {"PYTHONPATH": str(folder / "plugins")} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._watchdog = threading.Timer(_SECONDS, self._process.kill)
        self._watchdog.start()
        self._seen = ""

    def wait_for(self, words: str) -> None:
        """Reads stderr up to a line with these words."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._seen += line
            if words in line:
                return
        raise AssertionError(f"{words!r} was never said, only:\n{self._seen}")

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def finish(self) -> tuple[int, str, str]:
        """Waits for the end: exit code, stdout, all of stderr."""
        try:
            out, err = self._process.communicate()
        finally:
            self._watchdog.cancel()
        return self._process.returncode, out, self._seen + err
