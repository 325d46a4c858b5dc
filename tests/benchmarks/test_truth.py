"""A tenth of the repetitions of ``benchmarks/truth.py``: every statistic against a system whose answer is known."""

from __future__ import annotations

import pytest

from truth import truths
from truths.truth import Effort, Share, Truth


@pytest.mark.parametrize("truth", truths(), ids=lambda truth: f"{truth.statistic}: {truth.planted}")
def test_the_planted_truth_is_recovered(truth: Truth) -> None:
    found = truth.check(Effort(fast=True))
    assert found.holds, found


def test_a_share_is_judged_strictly_at_full_length_and_with_room_for_chance_below_it() -> None:
    assert not Share(480, 500).within(0.93, 0.95, full=500)
    assert Share(48, 50).within(0.93, 0.95, full=500)
    assert not Share(40, 50).within(0.93, 0.97, full=500)
