"""Clusterings in the record: each layer a row of ``clustering_results``, and the cluster of every output in it.

A cluster goes by its number within its layer and has an output as its medoid; −1 is the outliers, which have none. A
clustering takes the place of an earlier one of the same embedder version, experiments, algorithm and parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from panic_tda.errors import NotFound, RecordError
from panic_tda.store.identifiers import new_id
from panic_tda.store.statements import chunks
from panic_tda.store.tables import clustering_results, embedding_clusters, model_versions
from panic_tda.store.vectors import EmbedderVersion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 20_000


class Identity(NamedTuple):
    """What a clustering is of and how it was made; no ``experiment_ids`` stands for everything in the record."""

    model_version_id: str
    experiment_ids: tuple[str, ...]
    algorithm: str
    parameters: dict[str, Any]

    @property
    def stored_parameters(self) -> dict[str, Any]:
        """The parameters, and the experiments where they are several."""
        several = len(self.experiment_ids) > 1
        return self.parameters | ({"experiments": sorted(self.experiment_ids)} if several else {})

    @property
    def experiment_id(self) -> str | None:
        """The experiment, where it is a single one: the clustering is deleted with it."""
        return self.experiment_ids[0] if len(self.experiment_ids) == 1 else None


class StoredLayer(NamedTuple):
    """A layer to store: ``labels`` (n,), one for each output, and ``medoids`` (k,), the output id of each cluster's."""

    labels: NDArray[np.int64]
    medoids: Sequence[str]
    persistence: float | None


class Made(NamedTuple):
    """When, and with which library."""

    library: str
    started_at: datetime
    completed_at: datetime


class StoredClustering(NamedTuple):
    """A stored layer; ``layers`` are the ids of all layers of its clustering, from the finest on.

    ``experiment_ids`` is empty for a clustering of everything, and ``parameters`` are those of the algorithm.
    """

    id: str
    layers: tuple[str, ...]
    layer: int
    most_persistent: bool
    embedder: EmbedderVersion
    experiment_ids: tuple[str, ...]
    algorithm: str
    parameters: dict[str, Any]
    persistence: float | None
    made: Made


def write_clustering(
    connection: Connection, identity: Identity, output_ids: Sequence[str], layers: Sequence[StoredLayer], made: Made
) -> list[str]:
    """Stores a clustering in place of an earlier one of the same identity; the ids of its layers.

    Raises ``RecordError`` when an output has been deleted since it was loaded.
    """
    _lock(connection, identity.model_version_id)
    connection.execute(sa.delete(clustering_results).where(clustering_results.c.id.in_(_same(connection, identity))))
    keys = [new_id() for _ in layers]
    try:
        for number, (key, layer) in enumerate(zip(keys, layers, strict=True)):
            connection.execute(sa.insert(clustering_results), _row(key, number, identity, layer, made))
            rows = _member_rows(key, output_ids, layer)
            for part in chunks(rows, _ROWS_AT_ONCE):
                connection.execute(sa.insert(embedding_clusters), part)
    except sa.exc.IntegrityError as fault:
        raise RecordError(
            "an experiment was deleted while its outputs were clustered; nothing was stored", hint="cluster again"
        ) from fault
    return keys


def _lock(connection: Connection, model_version_id: str) -> None:
    """In PostgreSQL, makes two processes that store clusterings of one embedder wait for each other."""
    row = sa.select(model_versions.c.id).where(model_versions.c.id == model_version_id)
    connection.execute(row.with_for_update(key_share=True))


def _same(connection: Connection, identity: Identity) -> list[str]:
    """The ids of the layers stored under an identity."""
    table = clustering_results
    query = sa.select(table.c.id, table.c.parameters).where(
        table.c.model_version_id == identity.model_version_id,
        table.c.experiment_id.is_not_distinct_from(identity.experiment_id),
        table.c.algorithm == identity.algorithm,
    )
    return [row.id for row in connection.execute(query) if row.parameters == identity.stored_parameters]


def _row(key: str, number: int, identity: Identity, layer: StoredLayer, made: Made) -> dict[str, Any]:
    return {
        "id": key,
        "model_version_id": identity.model_version_id,
        "experiment_id": identity.experiment_id,
        "algorithm": identity.algorithm,
        "layer": number,
        "parameters": identity.stored_parameters,
        "started_at": made.started_at,
        "completed_at": made.completed_at,
        "persistence": layer.persistence,
        "library": made.library,
    }


def _member_rows(key: str, output_ids: Sequence[str], layer: StoredLayer) -> list[dict[str, Any]]:
    return [
        {
            "clustering_result_id": key,
            "output_id": output_id,
            "cluster": label,
            "medoid_output_id": layer.medoids[label] if label >= 0 else None,
        }
        for output_id, label in zip(output_ids, layer.labels.tolist(), strict=True)
    ]


def find_clustering(connection: Connection, name: str) -> StoredClustering:
    """The layer of that id, unambiguous prefix, or ``latest``; raises ``NotFound``.

    ``latest`` is the most persistent layer of the clustering stored last.
    """
    stored = stored_clusterings(connection)
    if name == "latest":
        if not stored:
            raise NotFound("there is no clustering yet", hint="panic-tda cluster compute --embedder NAME makes one")
        return next(each for each in stored if each.most_persistent)
    begins = [each for each in stored if name and each.id.startswith(name.lower())]
    found = [each for each in begins if each.id == name.lower()] or begins
    if len(found) != 1:
        problem = f"clustering {name!r} is ambiguous" if found else f"there is no clustering {name!r}"
        raise NotFound(problem, hint="panic-tda cluster list shows their ids")
    return found[0]


def stored_clusterings(connection: Connection) -> list[StoredClustering]:
    """Every layer: the clustering stored last first, within it from the finest on."""
    table = clustering_results
    query = (
        sa.select(table, model_versions.c.name, model_versions.c.version)
        .join(model_versions, model_versions.c.id == table.c.model_version_id)
        .order_by(table.c.completed_at.desc(), table.c.started_at.desc(), table.c.layer)
    )
    together: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query):
        key = repr((row.model_version_id, row.experiment_id, row.algorithm, row.parameters, row.started_at))
        together.setdefault(key, []).append(row)
    return [_stored(row, rows) for rows in together.values() for row in rows]


def _stored(row: Row[Any], together: Sequence[Row[Any]]) -> StoredClustering:
    best = max(together, key=lambda each: (each.persistence or 0.0, -each.layer))
    given = dict(row.parameters)
    several = tuple(given.pop("experiments", ()))
    return StoredClustering(
        id=row.id,
        layers=tuple(each.id for each in together),
        layer=row.layer,
        most_persistent=row.id == best.id,
        embedder=EmbedderVersion(row.model_version_id, row.name, row.version),
        experiment_ids=(row.experiment_id,) if row.experiment_id else several,
        algorithm=row.algorithm,
        parameters=given,
        persistence=row.persistence,
        made=Made(row.library or "", row.started_at, row.completed_at),
    )


def delete_clustering(connection: Connection, stored: StoredClustering) -> None:
    """Deletes a clustering with all its layers."""
    connection.execute(sa.delete(clustering_results).where(clustering_results.c.id.in_(stored.layers)))
