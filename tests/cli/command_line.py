"""Commands run in this process, with what they print and the code they end with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from panic_tda.cli import main

LENGTH = 6
DUMMIES: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple"],
    "seeds": [7, -1],
    "embedding_models": ["DummyText", "DummyVision"],
    "max_length": LENGTH,
}
"""Two runs of six invocations."""


@dataclass(frozen=True)
class Ran:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout; anything else there makes this fail."""
        return json.loads(self.out)


class CommandLine:
    """``panic-tda`` in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words: str) -> Ran:
        """Runs a command."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        captured = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    def write(self, name: str = "experiment.json", **changes: Any) -> str:
        """Writes the dummy experiment with changes, and returns the path."""
        path = self.folder / name
        path.write_text(json.dumps(DUMMIES | changes), encoding="utf-8")
        return str(path)
