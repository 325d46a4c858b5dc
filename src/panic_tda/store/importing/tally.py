"""What an import found, imported, found already there and refused, with the reason for each refused row."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

TABLES = (
    "experiments",
    "runs",
    "invocations",
    "embeddings",
    "persistence_diagrams",
    "lyapunov_results",
    "clustering_results",
    "embedding_clusters",
)
"""The tables of a source, by the names they have in the record."""

_IN_MEMORY = 1_000_000
_LONGEST_NAME = 80
_LONGEST_REASON = 500


class Refusal(Exception):
    """A row, or a part of one, that cannot be used; the text says why."""


class RefusedRow(NamedTuple):
    """A row that was not imported."""

    table: str
    id: str
    reason: str


@dataclass(slots=True)
class Counts:
    """Rows of one table: all that were found are imported, present (already there) or refused."""

    found: int = 0
    imported: int = 0
    present: int = 0
    refused: int = 0


class Tally:
    """Counts by table; refused rows are kept in a file, so that a million of them take no memory.

    ``note`` is what is to be said besides, if anything.
    """

    def __init__(self, note: str = "") -> None:
        self.note = note
        self.counts = {table: Counts() for table in TABLES}
        self._refused = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+", encoding="ascii")  # noqa: SIM115

    def imported(self, table: str, rows: int = 1) -> None:
        """Counts rows that were not there before."""
        self.counts[table].found += rows
        self.counts[table].imported += rows

    def present(self, table: str, rows: int = 1) -> None:
        """Counts rows that were there already."""
        self.counts[table].found += rows
        self.counts[table].present += rows

    def refuse(self, table: str, key: object, reason: object) -> None:
        """Counts a row that cannot be imported."""
        self.counts[table].found += 1
        self.counts[table].refused += 1
        line = [table, shown(key), _one_line(str(reason), _LONGEST_REASON)]
        self._refused.seek(0, 2)
        self._refused.write(json.dumps(line) + "\n")

    def refused(self) -> Iterator[RefusedRow]:
        """Every refused row, in the order they were met."""
        self._refused.seek(0)
        for line in self._refused:
            yield RefusedRow(*json.loads(line))

    def close(self) -> None:
        """Drops the file."""
        self._refused.close()

    def __enter__(self) -> Tally:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shown(value: object) -> str:
    """A value of a source in a few printable characters."""
    text = value.hex() if isinstance(value, bytes) else str(value)
    return _one_line(text, _LONGEST_NAME)


def _one_line(text: str, longest: int) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 2 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def as_json(tally: Tally) -> dict[str, Any]:
    """The shape of ``import --json``."""
    counts: dict[str, Any] = {
        table: {"found": each.found, "imported": each.imported, "present": each.present, "refused": each.refused}
        for table, each in tally.counts.items()
    }
    return counts | {"refused": [row._asdict() for row in tally.refused()]}
