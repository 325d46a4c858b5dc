"""How well an embedder finds, for each anchor, the positive that belongs to it among those of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.bootstrap import Interval, bootstrap_interval
from panic_tda.analysis.effective_rank import effective_rank
from panic_tda.analysis.retrieval import Floats, Ranks, discounted_gain, ranks, recall, reciprocal_rank
from panic_tda.training.pairs import Pair

K = 10
_RECALLS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The rank of each pair's positive (n,), the pairs' sources, and how many directions the positives fill."""

    ranks: Ranks
    sources: tuple[str, ...]
    effective_rank: float

    @property
    def ndcg(self) -> float:
        """Mean nDCG@10."""
        return float(discounted_gain(self.ranks, K).mean())


def retrieve(model: Any, pairs: Sequence[Pair], prompt: str | None = None) -> Retrieval:
    """Ranks the positives of all pairs for each anchor, by the cosine of their vectors.

    ``model`` is a ``SentenceTransformer``; ``prompt`` is put before every text.
    """
    anchors = vectors_of(model, [pair.anchor for pair in pairs], prompt)
    positives = vectors_of(model, [pair.positive for pair in pairs], prompt)
    sources = tuple(pair.source for pair in pairs)
    return Retrieval(ranks(anchors @ positives.T), sources, effective_rank(positives))


def vectors_of(model: Any, texts: list[str], prompt: str | None) -> NDArray[np.float64]:
    """The vectors of texts by a ``SentenceTransformer``; (n, d) float64, of length 1."""
    given = model.encode(texts, batch_size=32, prompt=prompt, show_progress_bar=False, convert_to_tensor=True)
    vectors: NDArray[np.float64] = given.detach().float().cpu().numpy().astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def metrics(found: Retrieval, *, seed: int, level: float = 0.95, resamples: int = 2000) -> dict[str, Interval]:
    """nDCG@10, MRR@10 and recall@1, 5 and 10 with bootstrap intervals over sources, by name."""
    values = {f"ndcg@{K}": discounted_gain(found.ranks, K), f"mrr@{K}": reciprocal_rank(found.ranks, K)}
    values |= {f"recall@{k}": recall(found.ranks, k) for k in _RECALLS}
    return {
        name: mean_over_sources(each, found.sources, seed=seed, level=level, resamples=resamples)
        for name, each in values.items()
    }


def ndcg_change(
    candidate: Retrieval, current: Retrieval, *, seed: int, level: float = 0.95, resamples: int = 2000
) -> Interval:
    """The mean of nDCG@10 of the candidate − of the current version, pair by pair, with its bootstrap interval."""
    change = discounted_gain(candidate.ranks, K) - discounted_gain(current.ranks, K)
    return mean_over_sources(change, candidate.sources, seed=seed, level=level, resamples=resamples)


def mean_over_sources(
    values: Floats, sources: Sequence[str], *, seed: int, level: float = 0.95, resamples: int = 2000
) -> Interval:
    """The mean of ``values`` (n,); pairs of one source depend on each other, so whole sources are drawn anew."""
    _, groups = np.unique(list(sources), return_inverse=True)
    rows = np.column_stack([np.bincount(groups, values), np.bincount(groups)])

    def mean(drawn: Floats) -> float:
        return float(drawn[:, 0].sum() / drawn[:, 1].sum())

    return bootstrap_interval(rows, mean, np.random.default_rng(seed), level=level, resamples=resamples)
