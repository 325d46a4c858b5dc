"""Taking the images out of a dump that holds none: what is left of each run is the texts, each made of the one before.

A network of an image maker and a captioner becomes a network of the captioner, whose parameter ``images_by`` names the
image maker. Steps are numbered anew; ids, texts, vectors of texts and diagrams stay.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from panic_tda.store.importing.configuration import IMAGES_BY


class LeftOut(NamedTuple):
    """Rows that a record has no place for: steps that made images, and vectors of images."""

    invocations: int
    embeddings: int


class _Shape(NamedTuple):
    """Which places of a network make texts."""

    models: list[str]
    texts: list[int]

    def number(self, step: int) -> int:
        """The number of a step among those that make texts."""
        rounds, place = divmod(step, len(self.models))
        return rounds * len(self.texts) + sum(1 for text in self.texts if text < place)

    def network(self) -> list[Any]:
        """The makers of texts, with the makers of images before them."""
        return [self._node(place) for place in self.texts]

    def _node(self, place: int) -> Any:
        before: list[str] = []
        earlier = place - 1
        while earlier % len(self.models) not in self.texts:
            before.insert(0, self.models[earlier % len(self.models)])
            earlier -= 1
        model = self.models[place]
        return {"model": model, IMAGES_BY: " → ".join(before)} if before else model


def take_images_out(database: sqlite3.Connection) -> LeftOut:
    """Rewrites a dump, poured into a database, as runs of texts; a run that does not fit its network stays as it is."""
    shapes = _shapes(database)
    for run_id, network in database.execute("SELECT id, network FROM runs").fetchall():
        if (shape := shapes.get(network)) is not None:
            _rewrite_steps(database, run_id, shape)
    _rewrite_networks(database, shapes)
    return _delete_images(database)


def _shapes(database: sqlite3.Connection) -> dict[Any, _Shape]:
    """The networks that make images, by their JSON: each place makes one kind, whatever the run."""
    kinds: dict[Any, dict[int, set[Any]]] = {}
    models: dict[Any, list[str]] = {}
    for run_id, network in database.execute("SELECT id, network FROM runs").fetchall():
        names = models[network] if network in models else models.setdefault(network, _names(network))
        if names:
            query = "SELECT DISTINCT sequence_number % ?, type FROM invocations WHERE run_id = ?"
            query += " AND typeof(sequence_number) = 'integer' AND sequence_number >= 0"
            for place, kind in database.execute(query, (len(names), run_id)):
                kinds.setdefault(network, {}).setdefault(place, set()).add(kind)
    found = {}
    for network, places in kinds.items():
        texts = [place for place in range(len(models[network])) if places.get(place, {"text"}) == {"text"}]
        images = [place for place, made in places.items() if made == {"image"}]
        if texts and images and len(texts) + len(images) == len(models[network]):
            found[network] = _Shape(models[network], texts)
    return found


def _names(network: Any) -> list[str]:
    try:
        names = json.loads(network)
    except (TypeError, ValueError, RecursionError):
        return []
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []


def _rewrite_steps(database: sqlite3.Connection, run_id: Any, shape: _Shape) -> None:
    linked = "input_invocation_id" in _columns(database, "invocations")
    query = f"SELECT rowid, id, type, sequence_number, {'input_invocation_id' if linked else 'NULL'} FROM invocations"
    rows = database.execute(f"{query} WHERE run_id = ?", (run_id,)).fetchall()
    inputs = {key: taken for _, key, kind, _, taken in rows if kind == "image"}
    changes = []
    for place, _, kind, number, taken in rows:
        if kind != "text" or not isinstance(number, int) or number < 0:
            continue
        for _ in shape.models:
            taken = inputs.get(taken, taken)
        changes.append((shape.number(number), taken, place))
    database.executemany("UPDATE invocations SET sequence_number = ? WHERE rowid = ?", [(n, p) for n, _, p in changes])
    if linked:
        inputs_now = [(taken, place) for _, taken, place in changes]
        database.executemany("UPDATE invocations SET input_invocation_id = ? WHERE rowid = ?", inputs_now)


def _rewrite_networks(database: sqlite3.Connection, shapes: dict[Any, _Shape]) -> None:
    rewritten = {network: json.dumps(shape.network(), ensure_ascii=False) for network, shape in shapes.items()}
    _rewrite_lengths(database, shapes)
    for table in ("runs", "lyapunov_results"):
        if "network" in _columns(database, table):
            changes = [(new, old) for old, new in rewritten.items()]
            database.executemany(f"UPDATE {table} SET network = ? WHERE network = ?", changes)
    by_names = {tuple(shape.models): shape.network() for shape in shapes.values()}
    for place, networks in database.execute("SELECT rowid, networks FROM experiments").fetchall():
        try:
            listed = [by_names.get(tuple(network), network) for network in json.loads(networks)]
        except (TypeError, ValueError, RecursionError):
            continue
        database.execute("UPDATE experiments SET networks = ? WHERE rowid = ?", (json.dumps(listed), place))


def _rewrite_lengths(database: sqlite3.Connection, shapes: dict[Any, _Shape]) -> None:
    """How many texts a run may have."""
    if "max_length" not in _columns(database, "runs"):
        database.execute("ALTER TABLE runs ADD COLUMN max_length")
    query = (
        "SELECT runs.rowid, runs.network, coalesce(runs.max_length, experiments.max_length)"
        " FROM runs JOIN experiments ON experiments.id = runs.experiment_id"
    )
    changes = [
        (max(1, shapes[network].number(length)), place)
        for place, network, length in database.execute(query)
        if network in shapes and isinstance(length, int) and length > 0
    ]
    database.executemany("UPDATE runs SET max_length = ? WHERE rowid = ?", changes)


def _delete_images(database: sqlite3.Connection) -> LeftOut:
    images = database.execute("SELECT count(*) FROM invocations WHERE type = 'image'").fetchone()[0]
    vectors = 0
    if "invocation_id" in _columns(database, "embeddings"):
        of_images = "invocation_id IN (SELECT id FROM invocations WHERE type = 'image')"
        vectors = database.execute(f"DELETE FROM embeddings WHERE {of_images}").rowcount
    database.execute("DELETE FROM invocations WHERE type = 'image'")
    return LeftOut(images, vectors)


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in database.execute(f'PRAGMA table_info("{table}")')}
