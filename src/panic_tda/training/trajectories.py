"""Pairs from the record: what a run said, and what it said a few of its texts later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from panic_tda.store.database import Record
from panic_tda.store.experiments import experiment_ids
from panic_tda.store.texts import texts_of_runs
from panic_tda.training.pairs import Pair
from panic_tda.training.python_code import Found


def trajectory_pairs(record: Record, experiments: Sequence[str], apart: int) -> Found:
    """One pair for each text of a run that has a successor ``apart`` texts later; prompts and images do not count.

    A pair's source is its run: network, prompt, seed and run number. ``experiments`` are ids, prefixes or ``latest``.
    Counted as skipped are runs that are ``too short``. Raises ``NotFound``.
    """
    found = Found([], Counter())
    with record.reading() as connection:
        for source, texts in texts_of_runs(connection, experiment_ids(connection, experiments)):
            if len(texts) <= apart:
                found.skipped["run too short"] += 1
            for before, after in zip(texts, texts[apart:], strict=False):
                if before.strip() and after.strip():
                    found.pairs.append(Pair(before, after, source))
    return found
