"""A driver's tool that tells of GPUs which are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def put_tool(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A ``nvidia-smi`` that does what the script says, first on the path."""
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def put_gpu(folder: Path, monkeypatch: pytest.MonkeyPatch, *, mebibytes: int) -> None:
    """One GPU with that much memory."""
    put_tool(folder, monkeypatch, f"echo 'NVIDIA Test, {mebibytes}'")
