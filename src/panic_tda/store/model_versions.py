"""Which version of which model made or measured something."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.models.model import ModelSpec
from panic_tda.models.repositories import identity
from panic_tda.store.identifiers import new_id
from panic_tda.store.statements import insert_new
from panic_tda.store.tables import model_versions

_LIBRARIES = (
    *("numpy", "pillow", "onnxruntime", "tokenizers", "rapidocr", "xllamacpp", "redzed-tda", "gudhi"),
    *("torch", "diffusers", "transformers", "sentence-transformers"),
)

HISTORICAL = "historical"
"""The family of models that made an imported record and are never executed; their versions begin with it."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A row of ``model_versions``."""

    id: str
    name: str
    version: str


def register(connection: Connection, specs: Iterable[ModelSpec]) -> dict[str, ModelVersion]:
    """The version rows of the models by name, added where they are missing."""
    wanted = {spec.name: spec for spec in specs}
    insert_new(connection, model_versions, [_row(spec) for spec in wanted.values()])
    found = {}
    for spec in wanted.values():
        query = sa.select(model_versions.c.id).where(
            model_versions.c.name == spec.name, model_versions.c.version == spec.version
        )
        found[spec.name] = ModelVersion(connection.execute(query).scalar_one(), spec.name, spec.version)
    return found


def _row(spec: ModelSpec) -> dict[str, Any]:
    return {
        "id": new_id(),
        "name": spec.name,
        "version": spec.version,
        "family": spec.family,
        "device": spec.device,
        "dtype": spec.dtype,
        "tier": spec.tier.value,
        "synthetic": spec.synthetic,
        "weights": [
            {"requirement": weights.requirement, "path": weights.path, "sha256": weights.sha256}
            for each in spec.whole()
            for weights in each.weights
        ]
        + [place for each in spec.whole() for place in _elsewhere(each)],
        "libraries": library_versions(),
        "created_at": datetime.now(UTC),
    }


def _elsewhere(spec: ModelSpec) -> list[dict[str, Any]]:
    """The folder or the endpoint of a model, where it has one; never the name of a key."""
    if spec.endpoint is not None:
        return [{"endpoint": spec.endpoint.url, "model": spec.endpoint.model, "options": dict(spec.options)}]
    repository = spec.repository
    if repository is None:
        return []
    return [{"repository": repository.id, "commit": repository.commit, "identity": identity(repository)}]


@cache
def library_versions() -> dict[str, str]:
    """Versions of the installed packages that results depend on."""
    versions = {}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return versions


def is_historical(version: str) -> bool:
    """Whether a version is of a model that is only known from an imported record."""
    return version == HISTORICAL or version.startswith(f"{HISTORICAL}-")
