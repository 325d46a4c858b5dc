"""The clusterings of a source, which are over all its experiments: imported after them, each in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from panic_tda.store.importing import values
from panic_tda.store.importing.identifiers import identifier
from panic_tda.store.importing.source import Row
from panic_tda.store.importing.tally import Refusal, shown
from panic_tda.store.importing.times import moment_if_any
from panic_tda.store.importing.work import Work
from panic_tda.store.model_versions import HISTORICAL
from panic_tda.store.statements import chunks
from panic_tda.store.tables import clustering_results, embedding_clusters, embeddings, invocations, model_versions, runs

_TABLE = "clustering_results"
_MEMBERS = "embedding_clusters"
_AT_ONCE = 500


class _Clustering(NamedTuple):
    """A layer: its row in the record, and the medoid embeddings that older generations keep beside it, by cluster."""

    id: str
    embedder: str
    row: dict[str, Any]
    medoids: dict[str, str]


class _Made(NamedTuple):
    """What an embedding is of: the output, and the experiment that made it."""

    output_id: str
    experiment_id: str


class _Member(NamedTuple):
    """A row of the source: an embedding, and the embedding in the middle of its cluster (None for an outlier)."""

    id: str
    embedding: str
    medoid: str | None


def import_clustering(work: Work, row: Row) -> None:
    """Imports a clustering whose experiments are in the record."""
    try:
        clustering = _read(work, row)
        there = work.connection.execute(
            sa.select(clustering_results.c.id).where(clustering_results.c.id == clustering.id)
        ).one_or_none()
        _Import(work, clustering, new=there is None).perform()
    except Refusal as reason:
        work.tally.refuse(_TABLE, row["id"], reason)
        if isinstance(row["id"], str):
            for member in work.source.rows_with(_MEMBERS, "clustering_result_id", [row["id"]], ("id",)):
                work.tally.refuse(_MEMBERS, member["id"], f"its clustering {shown(row['id'])} was refused")


def _read(work: Work, row: Row) -> _Clustering:
    key = identifier(row["id"], work.source.era.id_form)
    embedder = values.name(row["embedding_model"], "its embedding_model")
    started = moment_if_any(row["started_at"] or row["created_at"], UTC, "its start")
    completed = moment_if_any(row["completed_at"], UTC, "its end") or started
    when = completed or datetime.now(UTC)
    parameters = {} if row["parameters"] is None else values.parsed(row["parameters"], "its parameters")
    if not isinstance(parameters, dict):
        raise Refusal("its parameters are no mapping")
    facts = {
        "id": key,
        "experiment_id": None,
        "algorithm": values.name(row["algorithm"], "its algorithm"),
        "layer": 0 if row["layer"] is None else values.whole(row["layer"], "its layer"),
        "parameters": values.plain_json(parameters, "its parameters"),
        "started_at": started or when,
        "completed_at": when,
        "persistence": None,
        "library": f"imported from {work.source.era.title}",
    }
    return _Clustering(key, embedder, facts, _medoids(work, key, row["clusters"]))


def _medoids(work: Work, key: str, listed: object) -> dict[str, str]:
    """The medoid embeddings of the clusters by the name of the cluster, as the oldest generations wrote them."""
    found = {
        str(row["id"]): str(row["medoid_embedding_id"])
        for row in work.source.rows_with("clusters", "clustering_result_id", [key])
        if row["medoid_embedding_id"] is not None
    }
    clusters = [] if listed is None else values.parsed(listed, "its clusters")
    if not isinstance(clusters, list):
        raise Refusal("its clusters are no list")
    for each in clusters:
        if isinstance(each, dict) and isinstance(each.get("medoid_embedding_id"), str):
            found[str(each.get("id", each.get("cluster_id")))] = each["medoid_embedding_id"]
    return found


class _Import:
    """The members of one clustering, in two passes: the medoids, which number the clusters, and then all."""

    def __init__(self, work: Work, clustering: _Clustering, *, new: bool) -> None:
        self._work = work
        self._clustering = clustering
        self._new = new
        self._numbers: dict[str, int] = {}
        self._homes: dict[str, int] = {}
        self._medoid_outputs: dict[int, str] = {}
        self._experiments: set[str] = set()

    def perform(self) -> None:
        """Imports the clustering and its members; raises ``Refusal`` when none of its members is in the record."""
        self._number_medoids()
        version_id = self._version_id()
        row = self._clustering.row | {"model_version_id": version_id}
        if self._new:
            self._work.connection.execute(sa.insert(clustering_results), row)
            self._work.tally.imported(_TABLE)
        else:
            self._work.tally.present(_TABLE)
        pending: list[_Member] = []
        for member in self._members(count=True):
            pending.append(member)
            if len(pending) == _AT_ONCE:
                self._write(pending)
                pending = []
        self._write(pending)
        self._say_of_which_experiments()

    def _number_medoids(self) -> None:
        """Numbers the embeddings that are in the middle of their cluster, each of a content of its own."""
        medoids = sorted({each.medoid for each in self._members(count=False) if each.medoid == each.embedding})
        for piece in chunks(medoids, _AT_ONCE):
            made = self._made(piece)
            for medoid in piece:
                if medoid in made and made[medoid].output_id not in self._homes:
                    number = len(self._numbers)
                    self._numbers[medoid] = self._homes[made[medoid].output_id] = number
                    self._medoid_outputs[number] = made[medoid].output_id

    def _members(self, *, count: bool) -> Iterator[_Member]:
        """The members that can be read; with ``count`` the others are refused."""
        form = self._work.source.era.id_form
        for row in self._work.source.rows_with(_MEMBERS, "clustering_result_id", [self._clustering.id]):
            try:
                key = identifier(row["id"], form)
                embedding = identifier(row["embedding_id"], form, "its embedding_id")
                medoid = row["medoid_embedding_id"]
                if medoid is None and row["cluster"] is not None:
                    medoid = self._clustering.medoids.get(str(row["cluster"]))
                if medoid is not None:
                    medoid = identifier(medoid, form, "its medoid_embedding_id")
                yield _Member(key, embedding, medoid)
            except Refusal as reason:
                if count:
                    self._work.tally.refuse(_MEMBERS, row["id"], reason)

    def _made(self, embedding_ids: Sequence[str]) -> dict[str, _Made]:
        """What embeddings of the source are of, as far as that is in the record."""
        rows = self._work.source.rows_with(
            "embeddings", "id", embedding_ids, ("id", "invocation_id", "embedding_model")
        )
        of = {row["id"]: row["invocation_id"] for row in rows if row["embedding_model"] == self._clustering.embedder}
        columns = (invocations.c.id, invocations.c.output_id, runs.c.experiment_id)
        query = sa.select(*columns).join(runs, runs.c.id == invocations.c.run_id)
        wanted = [each for each in of.values() if isinstance(each, str)]
        found = {
            key: _Made(output_id, experiment_id)
            for key, output_id, experiment_id in self._work.connection.execute(
                query.where(invocations.c.id.in_(wanted))
            )
        }
        return {key: found[invocation] for key, invocation in of.items() if invocation in found}

    def _version_id(self) -> str:
        """The version whose vectors were clustered: that of some member."""
        members = self._members(count=False)
        while piece := [each.embedding for each in islice(members, _AT_ONCE)]:
            outputs = [made.output_id for made in self._made(piece).values()]
            query = (
                sa.select(model_versions.c.id)
                .join(embeddings, embeddings.c.model_version_id == model_versions.c.id)
                .where(embeddings.c.output_id.in_(outputs), model_versions.c.name == self._clustering.embedder)
                .order_by(model_versions.c.family != HISTORICAL, model_versions.c.created_at)
            )
            if found := self._work.connection.execute(query).scalars().first():
                return str(found)
        raise Refusal("none of its members is in the record")

    def _write(self, pending: Sequence[_Member]) -> None:
        made = self._made([each.embedding for each in pending])
        known = self._recorded({each.output_id for each in made.values()})
        rows: dict[str, dict[str, Any]] = {}
        for member in pending:
            of = made.get(member.embedding)
            if of is None:
                self._work.tally.refuse(_MEMBERS, member.id, f"its embedding {member.embedding} is not in the record")
                continue
            self._experiments.add(of.experiment_id)
            if member.medoid is not None and member.medoid not in self._numbers:
                reason = f"{member.medoid} is not in the middle of its cluster, or its content is so of another cluster"
                self._work.tally.refuse(_MEMBERS, member.id, reason)
                continue
            number = -1 if member.medoid is None else self._numbers[member.medoid]
            there = known.get(of.output_id, rows[of.output_id]["cluster"] if of.output_id in rows else None)
            home = self._homes.get(of.output_id, number)
            if there is None and home == number:
                rows[of.output_id] = self._row(of.output_id, number)
            elif number in (there, home):
                self._work.tally.present(_MEMBERS)
            else:
                reason = f"the same content is in cluster {home if there is None else there} already"
                self._work.tally.refuse(_MEMBERS, member.id, reason)
        if rows:
            self._work.connection.execute(sa.insert(embedding_clusters), list(rows.values()))
        self._work.tally.imported(_MEMBERS, len(rows))

    def _recorded(self, output_ids: set[str]) -> dict[str, int]:
        table = embedding_clusters
        query = sa.select(table.c.output_id, table.c.cluster).where(
            table.c.clustering_result_id == self._clustering.id, table.c.output_id.in_(output_ids)
        )
        return {row.output_id: row.cluster for row in self._work.connection.execute(query)}

    def _row(self, output_id: str, number: int) -> dict[str, Any]:
        return {
            "clustering_result_id": self._clustering.id,
            "output_id": output_id,
            "cluster": number,
            "medoid_output_id": self._medoid_outputs.get(number),
        }

    def _say_of_which_experiments(self) -> None:
        """The one experiment it is of, with which it is deleted, or all of them among the parameters."""
        keys = sorted(self._experiments)
        parameters = self._clustering.row["parameters"] | ({"experiments": keys} if len(keys) > 1 else {})
        said = {"experiment_id": keys[0] if len(keys) == 1 else None, "parameters": parameters}
        table = clustering_results
        self._work.connection.execute(sa.update(table).where(table.c.id == self._clustering.id).values(**said))
