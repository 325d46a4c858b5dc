"""Versions of tuned embedders over HTTP, in a cache of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from panic_tda.models.versions.changing import add_version
from panic_tda.settings import Settings
from support.checkpoints import Twins, require_libraries, twins
from support.servers import BEARER, Running, running
from support.tuning import NAME, tiny_embedder

__all__ = ["twins"]

require_libraries()


def vector(server: Running, model: str) -> tuple[str, bytes]:
    [found] = server.post("/v1/embeddings", {"model": model, "input": "a red apple"}).json()["data"]
    return found["object"], np.array(found["embedding"], np.float32).tobytes()


def test_versions_are_listed_promoted_and_rolled_back_while_they_serve(
    twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_embedder(twins, tmp_path / "cache", monkeypatch)
    assert spec.repository is not None
    source = spec.repository.folder
    add_version(NAME, lambda folder: copied(source, folder), {"seed": 0}, made_of="x", accepted=False)
    with running(Settings(executor="inprocess")) as server:
        before = vector(server, f"{NAME}@champion")
        [listed] = server.get("/versions").json()
        assert (listed["name"], listed["version"], listed["status"], listed["champion"]) == (NAME, 1, "rejected", False)
        refused = server.post(f"/versions/{NAME}/promote", {"number": 1}, headers=BEARER)
        assert refused.status_code == 400
        moved = server.post(f"/versions/{NAME}/promote", {"number": 1, "force": True}, headers=BEARER)
        assert moved.json() == {"name": NAME, "champion": 1, "before": 0}
        back = server.post(f"/versions/{NAME}/rollback", headers=BEARER)
        assert back.json() == {"name": NAME, "champion": 0, "before": 1}
        assert vector(server, f"{NAME}@champion") == before
        assert server.post("/versions/Nobody/rollback", headers=BEARER).status_code == 404


def copied(source: str, folder: Path) -> None:
    shutil.copytree(source, folder, dirs_exist_ok=True)
