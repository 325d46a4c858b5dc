"""Printing: results to stdout, messages to stderr, errors in one or two lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO
from unicodedata import east_asian_width

from panic_tda.errors import ConfigurationError, PanicError


def print_json(value: Any) -> None:
    """One JSON document on stdout, in ASCII where stdout cannot hold the characters."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, default=str)
    print(text)


def message(text: str) -> None:
    """One line on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_error(fault: PanicError, *, as_json: bool) -> None:
    """What is wrong, and what to do; a configuration's faults get a line each."""
    if as_json:
        shape = {"type": type(fault).__name__, "message": fault.message, "hint": fault.hint}
        if isinstance(fault, ConfigurationError):
            shape["issues"] = list(fault.issues)  # type: ignore[assignment]
        print_json({"error": shape})
        return
    lines = fault.issues if isinstance(fault, ConfigurationError) else (fault.message,)
    for line in lines:
        message(f"error: {' '.join(line.split())}")
    if fault.hint:
        message(f"hint: {' '.join(fault.hint.split())}")


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    file: TextIO | None = None,
) -> None:
    """A plain table on stdout (or ``file``), fitted to a terminal; elsewhere each row is one line, however long.

    The columns named in ``right`` are aligned to the right.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    if (file or sys.stdout).isatty():
        _print_fitted(headings, cells, right, file or sys.stdout)
        return
    columns = zip(headings, *cells, strict=True)
    widths = [max(map(_places, column)) for column in columns]
    for row in [headings, *cells]:
        line = [
            _aligned(cell, width, heading in right) for cell, width, heading in zip(row, widths, headings, strict=True)
        ]
        print("  ".join(line).rstrip(), file=file)


def _aligned(cell: str, width: int, right: bool) -> str:
    space = " " * (width - _places(cell))
    return space + cell if right else cell + space


def _places(text: str) -> int:
    """How many columns a text takes: the wide characters of East Asia take two."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def _print_fitted(headings: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str], file: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        numeric = heading in right
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=numeric or heading == "id")
    for row in rows:
        table.add_row(*row)
    Console(file=file, highlight=False, markup=False, emoji=False).print(table)


def duration(seconds: float | None) -> str:
    """``8 s``, ``3 min 20 s``, ``2 h 5 min``, ``4 d 3 h``; ``unknown`` for None."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    for unit, size, smaller, smaller_size in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller_size} {smaller}"
    return f"{whole} s"


def counted(number: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def rate(per_second: float) -> str:
    """``1,910/s``, ``2.4/s``, ``0.031/s``."""
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.2g}/s"


def gigabytes(count: int) -> str:
    """``1.50 GiB``."""
    return f"{count / 2**30:.2f} GiB"


def megabytes(count: int) -> str:
    """``1,500 MB``."""
    return f"{count / 1e6:,.0f} MB"


def memory(count: int, source: str) -> str:
    """``1.50 GiB measured``."""
    return f"{gigabytes(count)} {source}"
