"""The whole way from pairs to a version, with a tiny embedder."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panic_tda.content import Text
from panic_tda.errors import InsufficientData, RequestError, TrainingBusy
from panic_tda.models.catalogue import find
from panic_tda.models.hashing import sha256_of_file
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.torch_sentence.tunable import sentence_transformer
from panic_tda.models.versions.manifest import read_manifest
from panic_tda.models.versions.register import line_of, version_folder, versions_folder
from panic_tda.training.config import Training, TuningConfig
from panic_tda.training.finetune import Tuned, finetune
from panic_tda.training.lock import only_one
from panic_tda.training.pairs import Pair
from panic_tda.training.tuning import tune
from support.checkpoints import Twins, require_libraries, twins
from support.tuning import NAME, cipher_pairs, tiny_embedder, tuning

require_libraries()
pytest.importorskip("datasets")

__all__ = ["twins"]

TEXTS = [Text("abcdef"), Text("A red apple."), Text("")]


def tuned(config: TuningConfig, *, stop_at: int | None = None) -> Tuned:
    """Tunes; with ``stop_at`` it is interrupted at that step."""
    stop = threading.Event()

    def report(stage: str, done: int, total: int) -> None:
        if stage == "train" and done == stop_at:
            stop.set()

    return finetune(config, report=report, stop=stop)


def vectors(name: str) -> Any:
    model: Any = find(name).load(Placement())
    made = np.array(model.embed(TEXTS))
    model.close()
    return made


@pytest.fixture
def tiny(twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    return tiny_embedder(twins, tmp_path / "cache", monkeypatch)


def test_what_is_better_becomes_the_champion_and_doing_it_twice_is_doing_it_once(
    tiny: ModelSpec, tmp_path: Path
) -> None:
    config = tuning(tmp_path, cipher_pairs(300))
    base = vectors(NAME)
    made = tuned(config)
    assert (made.status, made.version, made.champion) == ("accepted", 1, 1), made.manifest["verdict"]
    manifest = read_manifest(version_folder(NAME, 1))
    assert manifest == made.manifest
    assert manifest["parent"] == f"{NAME}@0"
    assert manifest["data_sha256"] == manifest["data"]["sha256"]
    assert {"name", "version", "parameters", "seed", "libraries", "metrics", "sha256"} <= manifest.keys()
    before, after = (manifest["metrics"][who]["ndcg@10"]["estimate"] for who in ("base", "candidate"))
    assert after > before + 0.1
    assert manifest["sha256"]["model.safetensors"] == sha256_of_file(version_folder(NAME, 1) / "model.safetensors")
    assert find(f"{NAME}@champion").name == f"{NAME}@1"
    assert find(f"{NAME}@champion").version != tiny.version
    assert not np.allclose(vectors(f"{NAME}@1"), base)
    assert vectors(NAME).tobytes() == base.tobytes()

    again = tuned(config)
    assert (again.status, again.version, again.champion) == ("unchanged", 1, 1)
    assert len(line_of(NAME).versions) == 1
    assert not list(versions_folder(NAME).glob(".training-*/"))


def test_pairs_that_teach_nothing_are_rejected_and_the_champion_stays_as_it_was(
    tiny: ModelSpec, tmp_path: Path
) -> None:
    good = tuning(tmp_path / "good", cipher_pairs(240), training={"epochs": 4})
    assert tuned(good).champion == 1
    before = vectors(f"{NAME}@champion")
    made = tuned(tuning(tmp_path / "bad", cipher_pairs(240, shuffled=True), training={"epochs": 1}))
    assert (made.status, made.version, made.champion) == ("rejected", 2, 1)
    assert made.manifest["parent"] == f"{NAME}@1"
    assert made.manifest["verdict"]["objections"]
    assert vectors(f"{NAME}@champion").tobytes() == before.tobytes()
    assert find(f"{NAME}@2").name == f"{NAME}@2"


def test_what_follows_the_tokens_that_are_trained_on_changes_nothing(tiny: ModelSpec, tmp_path: Path) -> None:
    def trained(tail: str, most: int) -> bytes:
        model = sentence_transformer(tiny, Placement())
        known = model.max_seq_length
        pairs = [Pair(each.anchor, each.positive + tail, each.source) for each in cipher_pairs(40)]
        folder = tmp_path / f"{tail}-{most}"
        parameters = Training(learning_rate=0.02, max_tokens=most)
        assert tune(model, pairs, parameters, folder, report=lambda *_: None, stop=threading.Event())
        assert model.max_seq_length == known
        return b"".join(each.numpy().tobytes() for each in model.state_dict().values())

    assert trained(" apple", 8) == trained(" harbour", 8)  # six letters, and two tokens around them
    assert trained(" apple", 32) != trained(" harbour", 32)


def test_an_interrupted_training_is_gone_on_with_and_ends_where_it_would_have(
    tiny: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tuning(tmp_path, cipher_pairs(240), training={"epochs": 2})
    stopped = tuned(config, stop_at=5)
    assert (stopped.status, stopped.version) == ("interrupted", None)
    assert line_of(NAME).versions == ()
    resumed = tuned(config)

    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "another"))
    tiny_folder = tiny.repository
    assert tiny_folder is not None
    from panic_tda.models.adding import add

    add(NAME, Path(tiny_folder.folder), "torch_sentence")
    whole = tuned(config)
    assert resumed.manifest["metrics"] == whole.manifest["metrics"]
    assert resumed.manifest["sha256"] == whole.manifest["sha256"]


def test_adapters_and_hard_negatives_give_a_version_that_needs_no_peft(tiny: ModelSpec, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    training = {"adapter": "always", "lora_rank": 4, "hard_negatives": 2, "epochs": 1, "batch_size": 96}
    made = tuned(tuning(tmp_path, cipher_pairs(240), training=training))
    assert made.version == 1
    folder = version_folder(NAME, 1)
    assert not list(folder.rglob("adapter_*"))
    assert not np.array_equal(vectors(f"{NAME}@1"), vectors(NAME))

    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(folder)).encode([text.value for text in TEXTS])
    np.testing.assert_allclose(plain, vectors(f"{NAME}@1"), atol=1e-6)


def test_what_cannot_be_tuned_is_said_before_anything_is_loaded(tiny: ModelSpec, tmp_path: Path) -> None:
    pairs = cipher_pairs(240)
    with pytest.raises(RequestError, match="family sentence"):
        tuned(tuning(tmp_path, pairs, model="MiniLM"))
    with pytest.raises(RequestError, match="base version"):
        tuned(tuning(tmp_path, pairs, model=f"{NAME}@champion"))
    with pytest.raises(RequestError, match="Python code of its own"):
        tuned(tuning(tmp_path, pairs, model="GTELarge"))
    with pytest.raises(InsufficientData, match="fewer than min_pairs"):
        tuned(tuning(tmp_path, pairs[:50]))
    with only_one("Another"), pytest.raises(TrainingBusy):
        tuned(tuning(tmp_path, pairs))
