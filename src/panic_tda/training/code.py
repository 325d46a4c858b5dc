"""Pairs from folders of source code, by the language of each file."""

from __future__ import annotations

import os
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from panic_tda.errors import ConfigurationError
from panic_tda.training.grammars import grammar_pairs
from panic_tda.training.python_code import Found, python_pairs

Language = Literal["python", "javascript", "java", "go", "rust"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
"""The languages that pairs are read from."""

_SUFFIXES = {
    ".py": "python",
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "javascript"),
    ".java": "java",
    ".go": "go",
    ".rs": "rust",
}
_NOT_THEIRS = frozenset({"node_modules", "site-packages", "dist-packages", "vendor", "venv", "__pycache__"})
_NOT_STDLIB = frozenset({"test", "tests", "idlelib", "lib2to3", "turtledemo"})
_LARGEST = 1_000_000


def code_pairs(folder: Path, languages: Sequence[str] = LANGUAGES, *, name: str | None = None) -> Found:
    """The pairs of every file below a folder, in the order of the files' names.

    A pair's source is the file's path, from the folder on; ``name`` stands for the folder's own. Hidden folders and
    those of installed packages are left out. Counted as skipped are, besides what the languages count, files that are
    ``not UTF-8`` and ``larger than 1 MB``. Raises ``ConfigurationError`` when there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigurationError([f"{folder}: there is no such folder"])
    title = name or folder.resolve().name
    found = Found([], Counter())
    for path in _files(folder, frozenset()):
        if _SUFFIXES[path.suffix] in languages:
            _add(found, path, f"{title}/{path.relative_to(folder).as_posix()}")
    return found


def stdlib_pairs(only: str = "") -> Found:
    """The pairs of the standard library of the Python that runs, without its tests; ``only`` names one package."""
    root = Path(sysconfig.get_path("stdlib"))
    found = Found([], Counter())
    for path in _files(root / only, _NOT_STDLIB):
        if path.suffix == ".py":
            _add(found, path, f"stdlib/{path.relative_to(root).as_posix()}")
    return found


def _files(folder: Path, left_out: frozenset[str]) -> Iterator[Path]:
    """The files of known languages below a folder, in order of their names."""
    for place, folders, names in os.walk(folder):
        unwanted = _NOT_THEIRS | left_out
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in unwanted)
        yield from (Path(place) / each for each in sorted(names) if Path(each).suffix in _SUFFIXES)


def _add(found: Found, path: Path, source: str) -> None:
    if path.stat().st_size > _LARGEST:
        found.skipped["larger than 1 MB"] += 1
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        found.skipped["not UTF-8"] += 1
        return
    pairs, skipped = _reader(_SUFFIXES[path.suffix])(text, source)
    found.pairs.extend(pairs)
    found.skipped.update(skipped)


def _reader(language: str) -> Callable[[str, str], Found]:
    return python_pairs if language == "python" else partial(grammar_pairs, language=language)
