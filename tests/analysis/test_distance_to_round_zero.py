from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panic_tda.analysis.distance_to_round_zero import distance_to_round_zero
from panic_tda.errors import RequestError


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_mean_is_over_the_runs_that_last() -> None:
    found = distance_to_round_zero([[[0.0], [1.0], [3.0]], [[5.0], [4.0], [4.0]], [[0.0], [4.0]]], rng())
    assert found.mean.tolist() == [0.0, 2.0, 2.0]
    assert found.runs.tolist() == [3, 3, 2]
    assert found.cautions == ("only 3 runs", "from round 2 on runs have ended: at the last 2 of 3 are left")


def test_the_band_holds_the_mean_and_narrows_with_the_runs() -> None:
    walks = np.cumsum(rng().normal(size=(100, 10, 4)), axis=1)
    few, many = (distance_to_round_zero(list(walks[:runs]), rng()) for runs in (10, 100))
    for found in (few, many):
        assert (found.low <= found.mean).all()
        assert (found.mean <= found.high).all()
        assert found.cautions == ()
    assert 2 < (few.high - few.low)[-1] / (many.high - many.low)[-1] < 5


def test_two_runs_have_no_band() -> None:
    found = distance_to_round_zero([[[0.0], [1.0]], [[0.0], [2.0]]], rng())
    assert np.isnan(found.low).all()
    assert found.mean.tolist() == [0.0, 1.5]


def test_the_same_seed_gives_the_same_band() -> None:
    walks = list(rng().normal(size=(6, 5, 2)))
    one, other = (distance_to_round_zero(walks, rng()).high.tolist() for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("runs", "more", "match"),
    [
        ([], {}, "at least one run"),
        ([np.ones((3, 2)), np.ones((0, 2))], {}, "a round of each"),
        ([[[np.nan]]], {}, "row 0"),
        ([[[0.0]]] * 3, {"level": 1.0}, "level"),
        ([[[0.0]]] * 3, {"resamples": 0}, "resamples"),
    ],
)
def test_requests_without_sense_are_refused(runs: list[Any], more: dict[str, Any], match: str) -> None:
    with pytest.raises(RequestError, match=match):
        distance_to_round_zero(runs, rng(), **more)
