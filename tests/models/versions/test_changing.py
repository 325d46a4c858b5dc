"""Versions on disk: whole or not there, checked before they are used, and given back bit by bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panic_tda.content import Text
from panic_tda.errors import ConfigurationError, ModelLoadError, NotFound, RequestError, UnknownModel
from panic_tda.models.catalogue import catalogue, find
from panic_tda.models.model import Placement
from panic_tda.models.versions.changing import add_version, newest_accepted, promote, rollback
from panic_tda.models.versions.manifest import read_manifest
from panic_tda.models.versions.register import line_of, register_file, version_folder, versions_folder
from support.checkpoints import Twins, require_libraries, twins
from support.tuning import NAME, altered, tiny_embedder

require_libraries()

__all__ = ["twins"]

TEXTS = [Text("abcdef"), Text("A red apple.")]


@pytest.fixture
def source(twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny embedder on the shelf."""
    spec = tiny_embedder(twins, tmp_path / "cache", monkeypatch)
    assert spec.repository is not None
    return Path(spec.repository.folder)


def put(source: Path, places: int, *, accepted: bool = True) -> int:
    made = add_version(NAME, altered(source, places), {"seed": 0}, made_of=str(places), accepted=accepted)
    return made.number


def vectors(name: str) -> bytes:
    model: Any = find(name).load(Placement())
    made = np.array(model.embed(TEXTS))
    model.close()
    return made.tobytes()


def truncate(number: int) -> None:
    weights = version_folder(NAME, number) / "model.safetensors"
    os.truncate(weights, weights.stat().st_size - 4)


def test_a_version_has_a_name_that_never_moves_and_an_alias_that_does(source: Path) -> None:
    assert find(f"{NAME}@champion").name == find(f"{NAME}@0").name == NAME
    assert [put(source, 1), put(source, 2), put(source, 3, accepted=False)] == [1, 2, 3]
    assert find(f"{NAME}@champion").name == f"{NAME}@2"
    made = {vectors(f"{NAME}@{number}") for number in range(4)}
    assert len(made) == 4
    assert len({find(f"{NAME}@{number}").version for number in range(4)}) == 4
    assert vectors(f"{NAME}@champion") == vectors(f"{NAME}@2")
    assert [read_manifest(version_folder(NAME, n))["parent"] for n in (1, 2, 3)] == [f"{NAME}@{n}" for n in (0, 1, 2)]
    assert newest_accepted(NAME, line_of(NAME)) == 2
    for name in (f"{NAME}@4", f"{NAME}@best", "Glyph@champion", "Nobody@champion"):
        with pytest.raises(UnknownModel):
            find(name)


def test_a_version_opens_in_plain_sentence_transformers_with_the_same_vectors(source: Path) -> None:
    put(source, 1)
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(version_folder(NAME, 1))).encode([text.value for text in TEXTS], batch_size=1)
    mine = np.frombuffer(vectors(f"{NAME}@1"), np.float32).reshape(plain.shape)
    np.testing.assert_allclose(plain, mine, atol=1e-6)


def test_rolling_back_gives_the_same_vectors_bit_by_bit(source: Path) -> None:
    base = vectors(NAME)
    put(source, 1)
    first = vectors(f"{NAME}@champion")
    put(source, 2)
    assert vectors(f"{NAME}@champion") != first
    assert rollback(NAME).champion == 1
    assert vectors(f"{NAME}@champion") == first
    assert promote(NAME, 2).champion == 2
    assert promote(NAME, 2).champions == (0, 1, 2)
    assert [rollback(NAME).champion, rollback(NAME).champion] == [1, 0]
    assert vectors(f"{NAME}@champion") == base
    with pytest.raises(RequestError, match="never been another"):
        rollback(NAME)


def test_a_damaged_version_is_neither_promoted_nor_loaded_and_the_old_one_serves_on(source: Path) -> None:
    put(source, 1)
    put(source, 2)
    rollback(NAME)
    serving = vectors(f"{NAME}@champion")
    truncate(2)
    with pytest.raises(ModelLoadError, match=r"model\.safetensors is damaged \(SHA-256"):
        promote(NAME, 2)
    with pytest.raises(ModelLoadError, match="SHA-256"):
        find(f"{NAME}@2").load(Placement())
    assert line_of(NAME).champion == 1
    assert vectors(f"{NAME}@champion") == serving
    (version_folder(NAME, 2) / "manifest.json").unlink()
    with pytest.raises(ModelLoadError, match="manifest"):
        promote(NAME, 2)


def test_going_back_to_a_damaged_version_is_refused(source: Path) -> None:
    put(source, 1)
    put(source, 2)
    truncate(1)
    with pytest.raises(ModelLoadError, match=f"{NAME}@1"):
        rollback(NAME)
    assert line_of(NAME).champion == 2


def test_a_changed_manifest_is_noticed(source: Path) -> None:
    put(source, 1, accepted=False)
    path = version_folder(NAME, 1) / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ModelLoadError, match="since it was registered"):
        promote(NAME, 1, force=True)


def test_a_rejected_version_is_promoted_by_force_only(source: Path) -> None:
    put(source, 1, accepted=False)
    with pytest.raises(RequestError, match="rejected"):
        promote(NAME, 1)
    with pytest.raises(RequestError, match="no accepted version"):
        newest_accepted(NAME, line_of(NAME))
    assert promote(NAME, 1, force=True).champion == 1
    with pytest.raises(NotFound, match=f"no {NAME}@7"):
        promote(NAME, 7)


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from panic_tda.fault_points import arm
from panic_tda.models.versions.changing import add_version

def write(folder):
    shutil.copytree(sys.argv[1], folder, dirs_exist_ok=True)
    if sys.argv[2] == "while writing":
        os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] != "while writing":
    arm(sys.argv[2], lambda: os.kill(os.getpid(), signal.SIGKILL))
add_version("Tiny", write, {}, made_of="killed", accepted=True)
"""


@pytest.mark.parametrize("moment", ["while writing", "during the version rename", "before the version is registered"])
def test_a_process_killed_while_it_saves_leaves_no_half_version(source: Path, moment: str) -> None:
    put(source, 1)
    serving = vectors(f"{NAME}@champion")
    died = subprocess.run([sys.executable, "-c", KILLED, str(source), moment], check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    left = {path.name for path in versions_folder(NAME).iterdir()}
    assert left == {"1", "2"} if moment == "before the version is registered" else {"1", ".part-2"}
    assert [each.number for each in line_of(NAME).versions] == [1]
    assert {name for name in catalogue() if name.startswith(f"{NAME}@")} == {f"{NAME}@1"}
    assert vectors(f"{NAME}@champion") == serving
    assert put(source, 2) == 2
    assert {path.name for path in versions_folder(NAME).iterdir()} == {"1", "2"}


def test_a_damaged_register_is_named_and_versions_of_an_unknown_model_are_left_out(source: Path) -> None:
    put(source, 1)
    written = register_file().read_text()
    register_file().write_text(written.replace(NAME, "Nobody"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert "Nobody@1" not in catalogue()
    assert "versions of Nobody" in str(told[0].message)
    register_file().write_text("{")
    with pytest.raises(ConfigurationError, match=r"versions\.json"):
        line_of(NAME)
