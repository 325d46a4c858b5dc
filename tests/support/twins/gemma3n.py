"""Gemma 3n: its eye is a MobileNet of timm, which cannot be had without torchvision."""

from __future__ import annotations

from pathlib import Path

import pytest


def build(folder: Path) -> None:
    """Skips the test: there is nothing to build the twin with."""
    pytest.skip("Gemma 3n sees with timm, which needs torchvision; torchvision breaks transformers here")
