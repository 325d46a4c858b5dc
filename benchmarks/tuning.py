"""Tunes MiniLM on the standard library's docstrings, once as they are and once shuffled, and prints what came of it.

    python benchmarks/tuning.py [--train 320] [--held-out 200] [--threads 2]

The first should become the champion; the second, at a learning rate of 1e-3, should be rejected, and leave the
champion's vectors as they were, bit by bit.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from panic_tda.content import Text
from panic_tda.models.catalogue import find
from panic_tda.models.model import Placement
from panic_tda.training.code import stdlib_pairs
from panic_tda.training.config import validate_tuning
from panic_tda.training.dataset import Dataset, is_held_out, make_dataset
from panic_tda.training.finetune import Tuned, finetune
from panic_tda.training.pairs import Pair, jsonl

MODEL = "MiniLMTorch"
TEXTS = [Text("A red apple."), Text("Return the sum of two numbers."), Text("")]
MEASURES = ("ndcg@10", "mrr@10", "recall@1", "recall@5", "recall@10")


def shuffled(pairs: Sequence[Pair], seed: int = 0) -> list[Pair]:
    """The pairs, each with the positive of another."""
    positives = [pair.positive for pair in pairs]
    random.Random(seed).shuffle(positives)
    return [replace(pair, positive=positive) for pair, positive in zip(pairs, positives, strict=True)]


def tuned(folder: Path, dataset: Dataset, pairs: Sequence[Pair], threads: int, **training: Any) -> tuple[Tuned, float]:
    """A tuning on these pairs and on those held out of the data set, and the CPU seconds it took."""
    folder.mkdir()
    (folder / "pairs.jsonl").write_text(jsonl([*pairs, *dataset.held_out]), encoding="utf-8")
    corpus = {"pairs": ["pairs.jsonl"]}
    config = validate_tuning({"model": MODEL, "corpus": corpus, "training": training, "min_pairs": 20}, folder=folder)
    begun = time.process_time()
    made = finetune(config, threads=threads)
    return made, time.process_time() - begun


def vectors(name: str) -> bytes:
    """What a version makes of three texts."""
    model: Any = find(name).load(Placement())
    made = b"".join(vector.tobytes() for vector in model.embed(TEXTS))
    model.close()
    return made


def print_row(what: str, made: Tuned, cpu_s: float) -> None:
    """One row of the table in docs/training.md."""
    metrics, verdict = made.manifest["metrics"], made.manifest["verdict"]
    change = verdict["ndcg_change"]
    print(f"\n{what}: {made.status} after {made.seconds:.0f} s on the clock, {cpu_s:.0f} s of CPU")
    for measure in MEASURES:
        told = (metrics[who][measure] for who in ("base", "current", "candidate"))
        cells = (f"{each['estimate']:.3f} [{each['low']:.3f}, {each['high']:.3f}]" for each in told)
        print(f"| {measure} | " + " | ".join(cells) + " |")
    print(f"change of nDCG@10: {change['estimate']:+.3f} [{change['low']:+.3f}, {change['high']:+.3f}]")
    print(f"general: {verdict['general_change']:+.3f}, directions: {verdict['directions']:.2f}")
    print(f"objections: {verdict['objections']}", flush=True)


def main() -> None:
    """Both trainings in a cache folder of their own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", type=int, default=320)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    found = stdlib_pairs()
    dataset = make_dataset(found.pairs, found.skipped, max_train=asked.train, max_held_out=asked.held_out)
    assert not any(is_held_out(pair.source, dataset.share) for pair in dataset.train)
    print(f"{len(found.pairs)} pairs in the standard library, {len(dataset.train)} + {len(dataset.held_out)} taken")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["PANIC_TDA_CACHE"] = cache
        print_row("as they are", *tuned(Path(cache) / "good", dataset, dataset.train, asked.threads))
        champion = find(f"{MODEL}@champion").name
        before = vectors(champion)
        bad = shuffled(dataset.train)
        print_row("shuffled", *tuned(Path(cache) / "bad", dataset, bad, asked.threads, learning_rate=1e-3))
        same = find(f"{MODEL}@champion").name == champion and vectors(champion) == before
        print(f"the champion is {champion}, its vectors are {'as before' if same else 'others'}")


if __name__ == "__main__":
    main()
