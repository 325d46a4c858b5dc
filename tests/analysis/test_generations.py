from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from panic_tda.analysis.generations import first_against_last
from panic_tda.errors import RequestError

values = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@given(values)
def test_the_distance_is_that_of_kolmogorov_and_smirnov(pairs: list[tuple[int, int]]) -> None:
    first, last = np.array(pairs, dtype=float).T
    found = first_against_last(first, last, rng(), permutations=5)
    reference = stats.ks_2samp(first, last)
    assert found.distance == pytest.approx(reference.statistic)
    assert found.p_independent == pytest.approx(reference.pvalue)


def test_a_property_that_moved_in_every_run_is_found() -> None:
    first = rng().normal(size=30)
    found = first_against_last(first, first + 2.0, rng(), permutations=199)
    assert found.p_value == 1 / 200
    assert (found.n, found.cautions) == (30, ())


def test_runs_that_keep_what_they_had_hide_from_the_published_test() -> None:
    first = rng().normal(size=40)
    found = first_against_last(first, first + 0.3, rng())
    assert found.p_value < 0.05 < found.p_independent


def test_equal_generations_are_no_evidence() -> None:
    found = first_against_last([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], rng())
    assert (found.distance, found.p_value) == (0.0, 1.0)
    assert found.cautions == ("only 3 runs",)


def test_runs_of_a_prompt_are_exchanged_together() -> None:
    first = rng().normal(size=30)
    found = first_against_last(first, first + 2.0, rng(), groups=[0] * 15 + [1] * 15)
    # Four arrangements of two prompts, two of which are as extreme.
    assert found.p_value == pytest.approx(0.5, abs=0.06)
    assert found.cautions == ("only 2 prompts",)


@pytest.mark.parametrize(
    ("first", "last", "more", "match"),
    [
        ([], [], {}, "every run"),
        ([1.0], [1.0, 2.0], {}, "every run"),
        ([np.inf], [1.0], {}, "finite"),
        ([1.0], [1.0], {"permutations": 0}, "permutations"),
        ([1.0, 2.0], [1.0, 2.0], {"groups": [1]}, "one prompt"),
    ],
)
def test_requests_without_sense_are_refused(first: Any, last: Any, more: dict[str, Any], match: str) -> None:
    with pytest.raises(RequestError, match=match):
        first_against_last(first, last, rng(), **more)
