"""Folders of weights: where they are found, what identifies them, and what is told when something is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from panic_tda.errors import ModelLoadError, PrerequisiteError
from panic_tda.models.catalogue import find
from panic_tda.models.deployment import placed
from panic_tda.models.fetching import consent, wanted_files
from panic_tda.models.repositories import (
    ABSENT,
    Repository,
    brings_code,
    content_sha256,
    hub_snapshot,
    identity,
    incompleteness,
    parameter_count,
    require_folder,
)
from panic_tda.models.shelf import Pin, Shelf, read_shelf
from support.checkpoints import put_weights

NAME = "somebody/something"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HF_HUB_CACHE", "PANIC_TDA_WEIGHTS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))


def put_snapshot(home: Path) -> Path:
    """A repository as the hub's cache holds it."""
    kept = home / "hub" / "models--somebody--something"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(COMMIT)
    return put_weights(kept / "snapshots" / COMMIT, [2, 3])


def test_a_snapshot_is_found_by_its_commit_or_as_the_main_branch(tmp_path: Path) -> None:
    folder = put_snapshot(tmp_path / "hub-home")
    assert hub_snapshot(NAME, "") == hub_snapshot(NAME, COMMIT) == (folder, COMMIT)
    assert hub_snapshot(NAME, "f" * 40) is None
    assert hub_snapshot("somebody/else", "") is None


def test_a_snapshot_is_identified_by_its_commit_and_a_folder_by_its_content(tmp_path: Path) -> None:
    put_snapshot(tmp_path / "hub-home")
    found = placed("Any", Repository(NAME), {}, Shelf())
    assert identity(found) == COMMIT
    folder = put_weights(tmp_path / "mine", [2, 3])
    mine = placed("Any", Repository(NAME), {"Any": str(folder)}, Shelf())
    assert identity(mine) == content_sha256(folder)
    assert identity(Repository(NAME)) == ABSENT


def test_settings_win_over_the_shelf_and_the_shelf_over_the_hub(tmp_path: Path) -> None:
    snapshot = put_snapshot(tmp_path / "hub-home")
    shelf = Shelf(folders={"Any": "/of/the/shelf"})
    assert placed("Any", Repository(NAME), {"Any": "/of/the/settings"}, shelf).folder == "/of/the/settings"
    assert placed("Any", Repository(NAME), {}, shelf).folder == "/of/the/shelf"
    assert placed("Any", Repository(NAME), {}, Shelf()).folder == str(snapshot)


def test_every_byte_and_name_of_a_folder_counts_but_pages_and_hidden_files_do_not(tmp_path: Path) -> None:
    folder = put_weights(tmp_path / "a", [2, 3])
    first = content_sha256(folder)
    (folder / "README.md").write_text("about it")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "anything.json").write_text("{}")
    assert content_sha256(folder) == first
    (folder / "config.json").write_text("{}")
    second = content_sha256(folder)
    (folder / "config.json").write_text("[]")
    third = content_sha256(folder)
    (folder / "config.json").rename(folder / "configs.json")
    assert len({first, second, third, content_sha256(folder)}) == 4


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert incompleteness(empty) == "holds no safetensors"
    folder = put_weights(tmp_path / "half", [1], name="model-1.safetensors")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert incompleteness(folder) == "lacks 1 of 2 shards, for instance model-2.safetensors"
    put_weights(folder, [1], name="model-2.safetensors")
    assert incompleteness(folder) is None
    (folder / "pickled.bin").write_bytes(b"never read")
    assert incompleteness(folder / "pickled.bin") == "is a file, and not one of the GGUF format"


def test_absent_weights_are_told_with_the_command_that_fetches_them() -> None:
    with pytest.raises(PrerequisiteError, match="somebody/something are not on this machine") as absent:
        require_folder(Repository(NAME), model="Any")
    assert absent.value.hint.startswith("panic-tda model download Any, or name a folder: panic-tda model add Any")


def test_a_pinned_folder_that_changed_is_refused(tmp_path: Path) -> None:
    folder = put_snapshot(tmp_path / "hub-home")
    shelf = Shelf(pins={"Any": Pin(NAME, COMMIT, content_sha256(folder))})
    pinned = placed("Any", Repository(NAME), {}, shelf)
    assert require_folder(pinned, model="Any") == folder
    put_weights(folder, [2, 4])
    with pytest.raises(ModelLoadError, match="has changed since it was pinned"):
        require_folder(pinned, model="Any")


def test_code_of_a_model_runs_only_after_consent_and_only_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put_weights(tmp_path / "with-code", [2, 3])
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "modeling.Model"}}')
    assert brings_code(folder)
    monkeypatch.setenv("PANIC_TDA_WEIGHTS", f"Moondream={folder}")

    def required() -> Path:
        spec = find("Moondream")
        assert spec.repository is not None
        return require_folder(spec.repository, model=spec.name)

    with pytest.raises(PrerequisiteError, match="Python code of its own; it runs only with your consent") as unasked:
        required()
    assert unasked.value.hint.endswith("panic-tda model download Moondream --trust-remote-code")
    consent(find("Moondream"))
    assert required() == folder
    (folder / "modeling.py").write_text("import os")
    with pytest.raises(PrerequisiteError, match="has changed since you consented"):
        required()
    assert read_shelf().trusted.keys() == {"Moondream"}


def test_parameters_are_counted_in_the_headers_of_one_variant(tmp_path: Path) -> None:
    folder = put_weights(tmp_path / "two", [2, 3], [4], name="model.safetensors")
    put_weights(folder, [2, 3], name="model.fp16.safetensors")
    assert parameter_count(folder) == 10
    assert parameter_count(folder, "fp16") == 6
    put_weights(folder / "vae", [5], name="weights.safetensors")
    assert parameter_count(folder, "fp16") == 11


def test_only_what_is_loaded_is_fetched() -> None:
    files = [
        *("README.md", "LICENSE.md", "model_index.json", "whole.safetensors", "unet/config.json"),
        *("unet/model.fp16.safetensors", "unet/model.safetensors", "unet/model.bin", "vae/model.safetensors"),
    ]
    repository = Repository(NAME, subset=("*.json", "*.safetensors"))
    kept = ["LICENSE.md", "model_index.json", "unet/config.json", "unet/model.safetensors", "vae/model.safetensors"]
    assert wanted_files(files, repository) == kept
    of_variant = [name.replace("unet/model.", "unet/model.fp16.") for name in kept]
    assert wanted_files(files, replace(repository, variant="fp16")) == of_variant
