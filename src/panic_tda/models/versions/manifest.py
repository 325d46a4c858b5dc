"""The manifest of a version: what it was made from, how good it is, and the SHA-256 of each of its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from panic_tda.errors import ModelLoadError
from panic_tda.models.hashing import sha256_of_file

MANIFEST = "manifest.json"


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Writes the manifest of the files that are in the folder now; ``facts`` come before their sums."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    sums = {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in files}
    text = json.dumps({**facts, "sha256": sums}, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest; raises ``ModelLoadError`` when there is none that can be read."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(content["sha256"], dict):
            return dict(content)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ModelLoadError(f"{folder}: its {MANIFEST} is missing or damaged")


def damage(folder: Path) -> str | None:
    """The first file that is not what the manifest says, and why; None when all are. Reads every byte."""
    for name, wanted in read_manifest(folder)["sha256"].items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if sha256_of_file(path) != wanted:
            return f"{name} is damaged (SHA-256 is not {wanted[:12]}…)"
    return None
