"""One thing that is wrong in a record."""

from __future__ import annotations

from typing import NamedTuple


class Damage(NamedTuple):
    """What is wrong (``kind``), in which ``table``, with which row (``id``), and in words (``detail``).

    Kinds: ``file`` (SQLite says the file is damaged), ``missing``, ``duplicate``, ``dangling`` (refers to a row that is
    not there), ``type``, ``length``, ``non-finite``, ``chaining`` (an input that is not the output before),
    ``content`` (does not decode, or is not what its hash says), ``stale`` (computed from other rows than there are).

    ``experiment_id`` and ``run_id`` say what it belongs to, where that is known; with ``step`` the run must be made
    again from there on. ``key`` is the row's whole primary key, empty for a row that is missing.
    """

    kind: str
    table: str
    id: str
    detail: str
    experiment_id: str | None = None
    run_id: str | None = None
    step: int | None = None
    key: tuple[str | int, ...] = ()
