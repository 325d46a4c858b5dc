"""A tiny embedder that can be tuned, and a corpus from which it learns something within seconds."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from panic_tda.models.adding import add
from panic_tda.models.model import ModelSpec
from panic_tda.training.config import TuningConfig, validate_tuning
from panic_tda.training.pairs import Pair, jsonl
from support.checkpoints import Twins

LETTERS = "abcdefghijklmnopqrstuvwxyz"
NAME = "Tiny"


def tiny_embedder(twins: Twins, cache: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """Puts a twin of a BERT with 32 numbers on the shelf of a cache folder."""
    monkeypatch.setenv("PANIC_TDA_CACHE", str(cache))
    monkeypatch.delenv("PANIC_TDA_WEIGHTS", raising=False)
    return add(NAME, twins.folder_of("bert", 32), "torch_sentence")


def cipher_pairs(count: int, *, seed: int = 0, shuffled: bool = False) -> list[Pair]:
    """Words of six letters, each with the word whose letters are 13 further on; three pairs to a source.

    ``shuffled`` gives each word the partner of another one: there is nothing to learn.
    """
    rng = random.Random(seed)
    words = ["".join(rng.sample(LETTERS, 6)) for _ in range(count)]
    partners = ["".join(LETTERS[(LETTERS.index(letter) + 13) % 26] for letter in word) for word in words]
    if shuffled:
        rng.shuffle(partners)
    return [
        Pair(word, partner, f"file-{number // 3}")
        for number, (word, partner) in enumerate(zip(words, partners, strict=True))
    ]


def tuning_file(folder: Path, pairs: list[Pair], **changes: Any) -> dict[str, Any]:
    """The content of a tuning file whose pairs lie in ``pairs.jsonl`` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pairs.jsonl").write_text(jsonl(pairs), encoding="utf-8")
    training: Mapping[str, Any] = {"epochs": 10, "learning_rate": 0.02, **changes.pop("training", {})}
    gate = {"general_drop": 1.0, "resamples": 200, **changes.pop("gate", {})}
    return {"model": NAME, "corpus": {"pairs": ["pairs.jsonl"]}, "training": dict(training), "gate": gate, **changes}


def tuning(folder: Path, pairs: list[Pair], **changes: Any) -> TuningConfig:
    """A checked tuning file."""
    return validate_tuning(tuning_file(folder, pairs, **changes), folder=folder)


def altered(source: Path, places: int) -> Any:
    """Writes a copy of an embedder whose word vectors are others."""

    def write(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        shutil.copytree(source, folder, dirs_exist_ok=True)
        weights = load_file(folder / "model.safetensors")
        words = weights["embeddings.word_embeddings.weight"]
        weights["embeddings.word_embeddings.weight"] = words.roll(places, 0)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return write
