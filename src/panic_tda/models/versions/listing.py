"""What there is to say about a version."""

from __future__ import annotations

from typing import Any

from panic_tda.errors import ModelLoadError
from panic_tda.models.versions.manifest import read_manifest
from panic_tda.models.versions.register import Line, Version, version_folder


def described(name: str, version: Version, line: Line) -> dict[str, Any]:
    """The shape of ``version list --json``; a version whose manifest cannot be read is ``damaged``."""
    folder = version_folder(name, version.number)
    try:
        manifest = read_manifest(folder)
    except ModelLoadError:
        manifest = {}
    verdict = manifest.get("verdict", {})
    return {
        "name": name,
        "version": version.number,
        "status": version.status if manifest else "damaged",
        "champion": version.number == line.champion,
        "parent": manifest.get("parent"),
        "data_sha256": manifest.get("data_sha256"),
        "ndcg_change": verdict.get("ndcg_change"),
        "objections": verdict.get("objections", []),
        "folder": str(folder),
        "created_at": version.created_at,
    }
