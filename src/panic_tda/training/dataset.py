"""A data set: pairs without duplicates, split by source into those to train on and those held out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from panic_tda.errors import ConfigurationError, InsufficientData, make_folder, naming_the_file
from panic_tda.models.files import write_whole
from panic_tda.training.pairs import Pair, digest, jsonl, normalised, read_pairs

FEWEST_HELD_OUT = 10
"""Fewer held-out pairs than this tell nothing about a change of 10 ranks."""

_FILES = {"train": "train.jsonl", "held_out": "held_out.jsonl"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pairs to train on and pairs held out; no normalised text is in both. ``share`` is the one of sources held out."""

    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]
    share: float
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Identity of the pairs and of the split."""
        return hashlib.sha256(f"{digest(self.train)} {digest(self.held_out)}".encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What ``dataset.json`` holds: hash, counts and the rule of the split."""
        return {
            "sha256": self.sha256,
            "pairs": len(self.train) + len(self.held_out),
            "train": len(self.train),
            "held_out": len(self.held_out),
            "sources": {"train": _sources(self.train), "held_out": _sources(self.held_out)},
            "skipped": dict(sorted(self.skipped.items())),
            "split": {"by": "source", "share": self.share, "rule": _RULE},
        }


_RULE = "held out when the first 8 hex digits of the SHA-256 of the source's name, divided by 16^8, are below the share"


def make_dataset(
    pairs: Iterable[Pair],
    skipped: Mapping[str, int] | None = None,
    *,
    share: float = 0.2,
    min_pairs: int = 200,
    max_train: int | None = None,
    max_held_out: int | None = None,
) -> Dataset:
    """Takes duplicates out, splits by source, and keeps at most so many of each part (an even choice by hash).

    A source lies on the same side whatever else is in the corpus. Raises ``InsufficientData`` for fewer than
    ``min_pairs`` pairs, or fewer than 10 held out.
    """
    counts = Counter(dict(skipped or {}))
    kept = without_duplicates(sorted(pairs, key=lambda pair: pair.source), counts)
    if len(kept) < min_pairs:
        told = ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items())) or "nothing was skipped"
        raise InsufficientData(
            f"the corpus has {len(kept)} pairs, fewer than min_pairs ({min_pairs}); {told}",
            hint="add sources to the corpus, or lower min_pairs",
        )
    held_out = [pair for pair in kept if is_held_out(pair.source, share)]
    train = [pair for pair in kept if not is_held_out(pair.source, share)]
    if len(held_out) < FEWEST_HELD_OUT or not train:
        raise InsufficientData(
            f"of {len({pair.source for pair in kept})} sources with {len(kept)} pairs, those held out have "
            f"{len(held_out)} pairs; at least {FEWEST_HELD_OUT} are needed on that side, and 1 on the other",
            hint="add sources (files or runs) to the corpus, or change the share that is held out",
        )
    return Dataset(_some(train, max_train), _some(held_out, max_held_out), share, dict(counts))


def is_held_out(source: str, share: float) -> bool:
    """Whether a source is held out: the same answer in every corpus."""
    return int(hashlib.sha256(source.encode()).hexdigest()[:8], 16) / 16**8 < share


def without_duplicates(pairs: Iterable[Pair], counts: Counter[str]) -> list[Pair]:
    """The pairs whose normalised texts no other source has, each anchor and each positive once; counts the others.

    Negatives that another source has are taken out of their pair, too.
    """
    owners: dict[str, str] = {}
    anchors: set[str] = set()
    positives: set[str] = set()
    kept = []
    for pair in pairs:
        anchor, positive = normalised(pair.anchor), normalised(pair.positive)
        if not anchor or not positive or anchor == positive:
            counts["no words of its own"] += 1
        elif anchor in anchors or positive in positives or _foreign(pair.source, owners, anchor, positive):
            counts["duplicate"] += 1
        else:
            anchors.add(anchor)
            positives.add(positive)
            owners.update({anchor: pair.source, positive: pair.source})
            kept.append(pair)
    return [_with_own_negatives(pair, owners) for pair in kept]


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """Writes ``train.jsonl``, ``held_out.jsonl`` and, last, ``dataset.json``; raises ``NotWritten``."""
    make_folder(folder)
    with naming_the_file(folder):
        write_whole(folder / _FILES["train"], jsonl(dataset.train))
        write_whole(folder / _FILES["held_out"], jsonl(dataset.held_out))
        write_whole(folder / "dataset.json", json.dumps(dataset.to_json(), indent=2) + "\n")


def read_dataset(folder: Path) -> Dataset:
    """What :func:`write_dataset` wrote; raises ``ConfigurationError`` when it is not whole or was changed."""
    path = folder / "dataset.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        share, skipped, sha256 = float(told["split"]["share"]), dict(told["skipped"]), told["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        reason = getattr(fault, "strerror", None) or f"is damaged ({fault})"
        raise ConfigurationError([f"{path}: {reason}"], hint="panic-tda finetune pairs writes one") from None
    train, held_out = (tuple(read_pairs(folder / name)) for name in _FILES.values())
    dataset = Dataset(train, held_out, share, skipped)
    if dataset.sha256 != sha256:
        raise ConfigurationError([f"{folder}: the pairs have changed since dataset.json was written"])
    return dataset


def _foreign(source: str, owners: Mapping[str, str], *texts: str) -> bool:
    return any(owners.get(text, source) != source for text in texts)


def _with_own_negatives(pair: Pair, owners: dict[str, str]) -> Pair:
    taken = {normalised(pair.anchor), normalised(pair.positive)}
    mine = []
    for negative in pair.negatives:
        text = normalised(negative)
        if text and text not in taken and owners.setdefault(text, pair.source) == pair.source:
            taken.add(text)
            mine.append(negative)
    return Pair(pair.anchor, pair.positive, pair.source, tuple(mine))


def _some(pairs: Sequence[Pair], most: int | None) -> tuple[Pair, ...]:
    if most is None or len(pairs) <= most:
        return tuple(pairs)
    chosen = sorted(range(len(pairs)), key=lambda index: digest([pairs[index]]))[:most]
    return tuple(pairs[index] for index in sorted(chosen))


def _sources(pairs: Sequence[Pair]) -> int:
    return len({pair.source for pair in pairs})
