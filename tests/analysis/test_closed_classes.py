from __future__ import annotations

import pytest

from panic_tda.analysis.closed_classes import closed_classes
from panic_tda.analysis.transition_matrix import transition_counts


def test_states_never_left_are_closed_classes_with_most_steps_first() -> None:
    found = closed_classes(transition_counts([[0, 1, 2, 3, 2, 3, 2], [0, 1, 9, 9]]))
    assert [each.states for each in found] == [(2, 3), (9,)]
    assert [each.steps for each in found] == [4, 1]


def test_a_chain_that_goes_everywhere_is_one_class_of_all_states() -> None:
    (only,) = closed_classes(transition_counts([[0, 1, 2, 0]]))
    assert only.states == (0, 1, 2)


def test_the_evidence_for_never_leaving_is_counted() -> None:
    (only,) = closed_classes(transition_counts([[0] + [1] * 35]))
    assert only.steps == 34
    assert (1 - only.leaving_bound) ** 34 == pytest.approx(0.05)
    assert only.evidence == "never left in 34 steps: the chance of leaving is at most 0.084 per step"


def test_of_a_state_seen_only_at_the_end_nothing_is_known() -> None:
    (only,) = closed_classes(transition_counts([[0, 0, 1]]))
    assert (only.states, only.steps, only.leaving_bound) == ((1,), 0, 1.0)
    assert only.evidence == "seen only at the end of runs, so where it leads is not known"
