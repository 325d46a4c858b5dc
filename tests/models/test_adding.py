"""Models added by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from panic_tda.errors import ConfigurationError, RequestError
from panic_tda.models.adding import add
from panic_tda.models.catalogue import catalogue, find
from panic_tda.models.shelf import read_shelf, shelf_file
from support.checkpoints import put_weights


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PANIC_TDA_WEIGHTS", raising=False)


def test_a_folder_becomes_a_model_that_later_processes_know(tmp_path: Path) -> None:
    folder = put_weights(tmp_path / "mine", [4, 4])
    spec = add("Mine", folder, "causal_lm")
    assert (str(spec.signature), spec.family) == ("text -> text", "torch_lm")
    assert spec.memory_bytes == 300_000_000 + int(16 * 4 * 1.25)
    assert find("Mine").repository == spec.repository
    assert read_shelf().added["Mine"].path == str(folder)


def test_a_gguf_file_is_run_by_llama_cpp(tmp_path: Path) -> None:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(b"GGUF" + bytes(60))
    spec = add("Tiny", file, "causal_lm")
    assert (spec.family, spec.dtype, spec.requires) == ("causal_lm", "gguf", ("xllamacpp",))


@pytest.mark.parametrize(
    ("settings", "dims"), [({"hidden_size": 12}, 12), ({"projection_dim": 7, "text_config": {"hidden_size": 3}}, 7)]
)
def test_an_embedder_says_itself_how_long_its_vectors_are(
    settings: dict[str, object], dims: int, tmp_path: Path
) -> None:
    folder = put_weights(tmp_path / "mine", [4, 4])
    (folder / "config.json").write_text(json.dumps(settings))
    assert add("Mine", folder, "multimodal").dims == dims
    assert add("Shorter", folder, "multimodal", {"dims": 2}).dims == 2


def test_a_model_of_the_catalogue_is_only_told_where_it_is(tmp_path: Path) -> None:
    folder = put_weights(tmp_path / "turbo", [4, 4])
    spec = add("SDXLTurbo", folder)
    assert spec.repository is not None
    assert (spec.repository.folder, spec.licence) == (str(folder), catalogue()["SDXLTurbo"].licence)
    assert read_shelf().folders == {"SDXLTurbo": str(folder)}


@pytest.mark.parametrize(
    ("name", "family", "fault"),
    [
        ("Mine", "", "needs --family"),
        ("Mine", "pottery", "family 'pottery' is none of"),
        ("two words", "causal_lm", "is no name for a model"),
        ("Glyph", "", "the name Glyph is taken"),
        ("SDXLTurbo", "causal_lm", "taken by a model of the family diffusion"),
    ],
)
def test_what_cannot_be_added_is_told_and_nothing_is_written(
    name: str, family: str, fault: str, tmp_path: Path
) -> None:
    folder = put_weights(tmp_path / "mine", [4, 4])
    with pytest.raises((RequestError, ConfigurationError), match=fault):
        add(name, folder, family)
    assert not shelf_file().exists()


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(RequestError, match="holds no safetensors"):
        add("Mine", tmp_path, "causal_lm")


def test_a_damaged_shelf_is_one_line_that_names_the_file() -> None:
    shelf_file().parent.mkdir(parents=True)
    shelf_file().write_text('{"added": [1]}')
    with pytest.raises(ConfigurationError, match=r"models\.json cannot be read"):
        read_shelf()


def test_an_entry_that_cannot_be_any_more_is_a_warning(tmp_path: Path) -> None:
    add("Mine", put_weights(tmp_path / "mine", [4, 4]), "causal_lm")
    shelf_file().write_text(shelf_file().read_text().replace('"causal_lm"', '"pottery"'))
    with pytest.warns(UserWarning, match="Mine of .* is left out"):
        assert "Mine" not in catalogue()
