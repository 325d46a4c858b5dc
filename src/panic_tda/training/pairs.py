"""Pairs of texts that belong together, and files of them."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from panic_tda.errors import ConfigurationError

_KEYS = ("anchor", "positive", "negatives", "source")


@dataclass(frozen=True, slots=True)
class Pair:
    """An ``anchor`` that should lie near its ``positive`` and far from its ``negatives``; all are texts.

    ``source`` names the file or the run that both come from. Pairs of one source are never parted by a split.
    """

    anchor: str
    positive: str
    source: str
    negatives: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The object of one JSONL line; ``negatives`` only where there are some."""
        shape: dict[str, Any] = {"anchor": self.anchor, "positive": self.positive}
        if self.negatives:
            shape["negatives"] = list(self.negatives)
        return shape | {"source": self.source}


def normalised(text: str) -> str:
    """The text as duplicates are compared: NFKC, case folded, every run of white space and of punctuation one space."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", " ", folded).strip()


def jsonl(pairs: Iterable[Pair]) -> str:
    """One JSON object on each line, in order."""
    return "".join(json.dumps(pair.to_json(), ensure_ascii=False) + "\n" for pair in pairs)


def digest(pairs: Iterable[Pair]) -> str:
    """SHA-256 of the pairs in order."""
    return hashlib.sha256(jsonl(pairs).encode()).hexdigest()


def read_pairs(path: Path) -> Iterator[Pair]:
    """The pairs of a JSONL file, in order; blank lines are skipped.

    A line without ``source`` is a source of its own. Raises ``ConfigurationError`` that names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as fault:
        raise ConfigurationError([f"{path}: {fault.strerror or fault}"]) from fault
    except UnicodeDecodeError as fault:
        raise ConfigurationError([f"{path}: is not UTF-8 text ({fault.reason} at byte {fault.start})"]) from fault
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _pair(line, f"{path}:{number}", default=f"{path.name}:{number}")


def _pair(line: str, place: str, *, default: str) -> Pair:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as broken:
        raise ConfigurationError([f"{place}: is not JSON ({broken})"]) from None
    if fault := _fault(entry):
        raise ConfigurationError(
            [f"{place}: {fault}"], hint='{"anchor": …, "positive": …, "negatives": […], "source": …}'
        )
    return Pair(entry["anchor"], entry["positive"], entry.get("source", default), tuple(entry.get("negatives", ())))


def _fault(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return "is not an object"
    if unknown := sorted(entry.keys() - set(_KEYS)):
        return f"unknown key {unknown[0]!r}; the keys are {', '.join(_KEYS)}"
    for key in ("anchor", "positive"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            return f"{key} must be a text that is not empty"
    if not isinstance(entry.get("source", ""), str):
        return "source must be a text"
    negatives = entry.get("negatives", [])
    if not isinstance(negatives, list) or not all(isinstance(each, str) and each.strip() for each in negatives):
        return "negatives must be a list of texts that are not empty"
    return None
