"""Exported embedders, run by onnxruntime the way a user runs them, beside the torch models they came from."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import panic_tda
from panic_tda.content import Content, Image, Text
from panic_tda.errors import ConfigurationError, ModelError, ModelLoadError, RequestError
from panic_tda.lab.laboratory import open_bench
from panic_tda.models.adding import add
from panic_tda.models.catalogue import catalogue, find
from panic_tda.models.deployment import using
from panic_tda.models.hashing import sha256_of_file
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.onnx import exporting, integers
from panic_tda.models.onnx.embedding import load
from panic_tda.models.onnx.exporting import export
from panic_tda.models.onnx.sessions import Session
from panic_tda.runtime.result import Call
from panic_tda.settings import Settings
from panic_tda.signature import Kind
from panic_tda.store.database import Record
from support.checkpoints import Twins, put_weights, require_libraries, twins
from support.exported import Exports, exports

if TYPE_CHECKING:
    from panic_tda.models.onnx.batches import Arrays

require_libraries()
pytest.importorskip("onnxscript", reason="onnxscript is not installed (pip install 'panic-tda[export]')")

__all__ = ["exports", "twins"]

ROWS = ("BGEM3", "Qwen3EmbedSmall", "SigLIP", "SigLIPVision", "CLIP", "CLIPVision")
WORDS = [
    "a",
    "red",
    "apple",
    "on",
    "the",
    "table,",
    "near",
    "Harbour",
    "light;",
    "ship",
    "x",
    "12",
    "and",
    "old",
    "walls",
    "über",
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cpu")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))


def inputs(kind: Kind) -> list[Content]:
    """100 texts of 1 to 80 words, or 20 images of many shapes, some of them transparent."""
    draw = random.Random(5)
    if kind is Kind.TEXT:
        lengths = [draw.choice((1, 2, 3, 5, 8, 8, 13, 21, 80)) for _ in range(100)]
        return [Text(" ".join(draw.choices(WORDS, k=length))) for length in lengths]
    sizes = [(draw.randint(5, 90), draw.randint(5, 90)) for _ in range(20)]
    modes = ["RGB" if place % 4 else "RGBA" for place in range(20)]
    pixels = [draw.randbytes(w * h * len(mode)) for (w, h), mode in zip(sizes, modes, strict=True)]
    return [Image(mode, *size, each) for mode, size, each in zip(modes, sizes, pixels, strict=True)]


def vectors(record: Record, spec: ModelSpec, given: list[Content]) -> list[Any]:
    with open_bench(record) as bench:
        outcomes = bench.executor.submit(Call(spec, tuple(given), (), {})).result().outputs
    assert [each for each in outcomes if isinstance(each, ModelError)] == []
    return list(outcomes)


@pytest.mark.parametrize("row", ROWS)
def test_an_exported_twin_agrees_with_torch_and_does_not_mind_its_neighbours(
    row: str, exports: Exports, sqlite_record: Record
) -> None:
    spec = add("Mine", exports.folder(row), "onnx")
    twin = exports.twin(row)
    assert (spec.dims, spec.signature, spec.licence) == (twin.dims, twin.signature, twin.licence)
    given = inputs(spec.signature.input)
    exported, torch = vectors(sqlite_record, spec, given), vectors(sqlite_record, twin, given)
    assert min(float(one @ other) for one, other in zip(exported, torch, strict=True)) > 0.9999
    assert len({vector.tobytes() for vector in exported}) > len(given) // 2
    several = given[:12]
    alone = [vectors_of(spec, [content])[0] for content in several]
    shuffled = vectors_of(spec, several[::-1] + several)
    assert shuffled == alone[::-1] + alone == [each.tobytes() for each in (exported[:12][::-1] + exported[:12])]


def vectors_of(spec: ModelSpec, given: list[Content]) -> list[bytes]:
    """The bits of vectors, from a model that was loaded for these alone."""
    model = load(spec, Placement())
    try:
        return [np.asarray(each).tobytes() for each in model.embed(given)]
    finally:
        model.close()


def test_an_experiment_embeds_with_an_exported_model_as_with_the_torch_model(
    exports: Exports, sqlite_record: Record, monkeypatch: pytest.MonkeyPatch, twins: Twins
) -> None:
    add("Mine", exports.folder("CLIPVision"), "onnx")
    monkeypatch.setenv("PANIC_TDA_WEIGHTS", f"CLIPVision={twins.folder(catalogue()['CLIPVision'])}")
    config = {"network": ["Glyph", "DummyI2T"], "prompts": ["a", "b"], "seeds": [1], "max_length": 4}
    experiment = panic_tda.load_config({**config, "embedding_models": ["Mine", "CLIPVision"]})
    outcome = panic_tda.perform(sqlite_record, experiment)
    assert (outcome.status, outcome.failures, outcome.embeddings) == ("completed", 0, 8)
    frame = panic_tda.embeddings(sqlite_record, [outcome.id])
    mine, torch = (frame.filter(model=name) for name in ("Mine", "CLIPVision"))
    for column in ("run_id", "sequence_number"):
        assert mine[column].to_list() == torch[column].to_list()
    pairs = zip(mine["vector"].to_list(), torch["vector"].to_list(), strict=True)
    assert all(np.dot(one, other) > 0.9999 for one, other in pairs)


def test_vectors_are_cut_and_brought_back_to_length_one(exports: Exports) -> None:
    whole = add("Whole", exports.folder("CLIP"), "onnx")
    short = add("Short", exports.folder("CLIP"), "onnx", {"dims": 5})
    given: list[Content] = [Text("a red apple"), Text("x")]
    for long, cut in zip(load(whole, Placement()).embed(given), load(short, Placement()).embed(given), strict=True):
        assert isinstance(long, np.ndarray)
        assert isinstance(cut, np.ndarray)
        np.testing.assert_allclose(cut, long[:5] / np.linalg.norm(long[:5]), rtol=1e-5)
    with pytest.raises(ConfigurationError, match="dims must be between 1 and 768, not 769"):
        add("Long", exports.folder("CLIP"), "onnx", {"dims": 769})


@pytest.mark.parametrize(("proven", "expected"), [(True, [3]), (False, [1, 1, 1])])
def test_texts_share_a_call_only_where_that_was_proven(
    proven: bool, expected: list[int], exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = add("Mine", exports.folder("CLIP"), "onnx")
    calls: list[int] = []
    compute = Session.compute

    def counted(session: Session, arrays: Arrays) -> Any:
        calls.append(len(arrays["input_ids"]))
        return compute(session, arrays)

    monkeypatch.setattr("panic_tda.models.onnx.texts.company_changes_nothing", lambda *_: proven)
    monkeypatch.setattr(Session, "compute", counted)
    load(spec, Placement()).embed([Text("a"), Text("b"), Text("c d")])
    assert calls == expected


def test_at_tier_seeded_vectors_are_nearly_the_same_and_never_mixed_with_exact_ones(exports: Exports) -> None:
    exact = add("Mine", exports.folder("BGEM3"), "onnx")
    with using(Settings(device="cpu", tier="seeded")):
        seeded = find("Mine")
    assert seeded.version == f"{exact.version}.seeded"
    given = inputs(Kind.TEXT)[:30]
    for one, other in zip(load(exact, Placement()).embed(given), load(seeded, Placement()).embed(given), strict=True):
        assert float(np.asarray(one) @ np.asarray(other)) > 0.999999


@pytest.mark.parametrize("row", ["BGEM3", "SigLIPVision"])
def test_a_twin_exported_in_8_bits_is_smaller_nearly_the_same_and_does_not_mind_its_neighbours(
    row: str, exports: Exports, tmp_path: Path
) -> None:
    exported = export(exports.twin(row), tmp_path / "small", int8=True, report=lambda _: None)
    assert exported.bytes < sum(file.stat().st_size for file in exports.folder(row).iterdir())
    spec = add("Mine", tmp_path / "small", "onnx")
    given = inputs(spec.signature.input)[:12]
    whole = load(add("Whole", exports.folder(row), "onnx"), Placement()).embed(given)
    small = load(spec, Placement()).embed(given)
    cosines = [float(np.asarray(one) @ np.asarray(other)) for one, other in zip(whole, small, strict=True)]
    assert 0.99 < min(cosines) < 0.9999999
    assert vectors_of(spec, given[::-1]) == [np.asarray(each).tobytes() for each in small[::-1]]


def test_what_has_no_matrices_for_integers_is_refused_and_nothing_is_left_behind(
    exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integers, "LEAST_SIDE", 1 << 20)
    with pytest.raises(RequestError, match="no matrices of weights"):
        export(exports.twin("CLIP"), tmp_path / "out", int8=True, report=lambda _: None)
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_file_is_refused_by_name(name: str, exports: Exports, tmp_path: Path) -> None:
    folder = shutil.copytree(exports.folder("CLIP"), tmp_path / "mine")
    spec = add("Mine", folder, "onnx")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelLoadError, match=rf"Mine: .*{name} is damaged or another file \(SHA-256"):
        load(spec, Placement())
    (folder / name).unlink()
    with pytest.raises(ModelLoadError, match=rf"Mine: .*{name} is missing"):
        load(spec, Placement())


def test_a_file_that_is_no_network_does_not_load(exports: Exports, tmp_path: Path) -> None:
    folder = shutil.copytree(exports.folder("CLIP"), tmp_path / "mine")
    (folder / "model.onnx").write_bytes(b"no network")
    manifest = json.loads((folder / "embedder.json").read_text())
    manifest["files"]["model.onnx"] = sha256_of_file(folder / "model.onnx")
    (folder / "embedder.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelLoadError, match=r"model\.onnx does not load"):
        load(add("Mine", folder, "onnx"), Placement())


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "holds no embedder.json"),
        ("[]", "embedder.json is damaged"),
        ('{"format": "another"}', "embedder.json is damaged: format: Input should be"),
    ],
)
def test_a_wrong_folder_is_refused_in_one_line(content: str | None, fault: str, tmp_path: Path) -> None:
    folder = put_weights(tmp_path / "mine", [2, 2])
    if content is not None:
        (folder / "embedder.json").write_text(content)
    with pytest.raises(RequestError, match=fault) as refused:
        add("Mine", folder, "onnx")
    assert "\n" not in refused.value.message


def test_a_manifest_cannot_lead_out_of_its_folder(exports: Exports, tmp_path: Path) -> None:
    folder = shutil.copytree(exports.folder("CLIP"), tmp_path / "mine")
    text = (folder / "embedder.json").read_text().replace('"model.onnx"', '"../model.onnx"')
    (folder / "embedder.json").write_text(text)
    with pytest.raises(RequestError, match=r"embedder\.json is damaged"):
        add("Mine", folder, "onnx")


def test_an_exported_folder_is_no_model_of_another_family(exports: Exports) -> None:
    with pytest.raises(RequestError, match="was written by model export-onnx") as refused:
        add("Mine", exports.folder("CLIP"), "torch_sentence")
    assert refused.value.hint == "it needs --family onnx"


def test_vectors_that_differ_are_an_error_and_nothing_is_left_behind(
    exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "LEAST_COSINE", 1.1)
    with pytest.raises(ModelError, match="exported and torch vectors differ: smallest cosine"):
        export(exports.twin("CLIP"), tmp_path / "out", report=lambda _: None)
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


@pytest.mark.parametrize("name", ["Glyph", "MiniLM", "SDXLTurbo", "JinaClip"])
def test_what_cannot_be_exported_is_a_wrong_request(name: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=f"{name} cannot be exported"):
        export(find(name), tmp_path / "out", report=lambda _: None)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(RequestError, match="exists already"):
        export(find("MiniLMTorch"), tmp_path / "out", report=lambda _: None)


def test_running_an_exported_model_imports_no_torch(exports: Exports, tmp_path: Path) -> None:
    for name in ("CLIP", "CLIPVision"):
        add(f"{name}Here", exports.folder(name), "onnx")
    code = """
import sys
from panic_tda.content import Image, Text
from panic_tda.models.catalogue import find
from panic_tda.models.model import Placement
find("CLIPHere").load(Placement()).embed([Text("a")])
find("CLIPVisionHere").load(Placement()).embed([Image("RGB", 1, 1, b"abc")])
print([name for name in ("torch", "transformers", "onnx") if name in sys.modules])
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
