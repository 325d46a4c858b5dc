"""Hard negatives: positives of other pairs that lie near an anchor, but not so near that they may belong to it.

What is as near as 95 % of the anchor's own positive is left out: de Souza Moreira et al., "NV-Retriever: improving text
embedding models with effective hard-negative mining", arXiv:2407.15831 (2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from panic_tda.training.evaluation import vectors_of
from panic_tda.training.pairs import Pair

_NEAREST = 0.95
_ROWS_AT_ONCE = 1024


def with_hard_negatives(model: Any, pairs: Sequence[Pair], count: int, prompt: str | None = None) -> list[Pair]:
    """The pairs, each with ``count`` negatives (or as many as there are other pairs): its own, then mined ones."""
    anchors = vectors_of(model, [pair.anchor for pair in pairs], prompt)
    positives = vectors_of(model, [pair.positive for pair in pairs], prompt)
    mined = []
    for start in range(0, len(pairs), _ROWS_AT_ONCE):
        near = anchors[start : start + _ROWS_AT_ONCE] @ positives.T
        own = near[np.arange(len(near)), start + np.arange(len(near))]
        # Those that are too near come last, and the positive itself is cut off.
        near[near > _NEAREST * own[:, None]] -= 4.0
        near[np.arange(len(near)), start + np.arange(len(near))] = -np.inf
        for row, order in enumerate(np.argsort(-near, axis=1, kind="stable")[:, : min(count, len(pairs) - 1)]):
            pair = pairs[start + row]
            found = (*pair.negatives, *(pairs[index].positive for index in order))
            mined.append(replace(pair, negatives=found[:count]))
    return mined
