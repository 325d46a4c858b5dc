"""Stored clusterings as the commands print them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from panic_tda.analysis.clustering import FEWEST_DISTINCT, OUTLIER, layer_cautions
from panic_tda.store.cluster_members import Counts, Members, clusters_of, count_members
from panic_tda.store.clusterings import StoredClustering, find_clustering, stored_clusterings


def list_clusterings(connection: Connection) -> list[dict[str, Any]]:
    """The shape of ``cluster list --json``: every layer, the clustering stored last first."""
    return layer_shapes(connection, stored_clusterings(connection))


def layer_shapes(connection: Connection, stored: Sequence[StoredClustering]) -> list[dict[str, Any]]:
    """The same for some layers."""
    counts = count_members(connection, stored)
    return [_shape(each, counts[each.id]) for each in stored]


def show_clustering(connection: Connection, name: str) -> dict[str, Any]:
    """The shape of ``cluster show --json``: a layer (by id, prefix or ``latest``) with its clusters and cautions."""
    stored = find_clustering(connection, name)
    members = clusters_of(connection, stored)
    visits = max(1, sum(each.visits for each in members))
    shares = {each.cluster: each.visits / visits for each in members}
    outlier_share = shares.pop(OUTLIER, 0.0)
    cautions = layer_cautions(len(shares), outlier_share, max(shares.values(), default=0.0))
    [head] = layer_shapes(connection, [stored])
    few = [f"only {head['outputs']} outputs"] if head["outputs"] < FEWEST_DISTINCT else []
    return head | {
        "outlier_share": outlier_share,
        "cautions": few + list(cautions),
        "members": [_member(each, visits) for each in members],
    }


def _shape(stored: StoredClustering, counts: Counts) -> dict[str, Any]:
    return {
        "id": stored.id,
        "embedder": stored.embedder.name,
        "version": stored.embedder.version,
        "experiments": list(stored.experiment_ids),
        "algorithm": stored.algorithm,
        "parameters": stored.parameters,
        "layer": stored.layer,
        "layers": len(stored.layers),
        "most_persistent": stored.most_persistent,
        "persistence": stored.persistence,
        **counts._asdict(),
        "library": stored.made.library,
        "completed_at": stored.made.completed_at.isoformat(),
    }


def _member(each: Members, visits: int) -> dict[str, Any]:
    content = {"text": each.medoid_text} if each.medoid_kind == "text" else {"image_sha256": each.medoid}
    return {
        "cluster": each.cluster,
        "outputs": each.outputs,
        "visits": each.visits,
        "share": each.visits / visits,
        "medoid": {"id": each.medoid, "type": each.medoid_kind, **content} if each.medoid else None,
    }
