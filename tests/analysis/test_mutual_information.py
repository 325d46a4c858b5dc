from __future__ import annotations

import numpy as np
import pytest

from panic_tda.analysis.mutual_information import adjusted_mutual_information
from panic_tda.errors import RequestError

RUNS = np.repeat(range(12), 10).tolist()


def test_the_same_classes_by_other_names_agree_wholly() -> None:
    rng = np.random.default_rng(1)
    classes = rng.integers(-1, 4, size=120)
    found = adjusted_mutual_information(classes, (classes * 7) % 11, rng, runs=RUNS)
    assert (found.estimate, found.low) == pytest.approx((1.0, 1.0))
    assert found.n == 12


def test_unrelated_classes_agree_by_nothing_on_average() -> None:
    rng = np.random.default_rng(2)
    found = [
        adjusted_mutual_information(rng.integers(8, size=120), rng.integers(8, size=120), rng, resamples=1).estimate
        for _ in range(60)
    ]
    assert np.mean(found) == pytest.approx(0.0, abs=0.01)


def test_a_share_of_outputs_in_other_classes_is_found() -> None:
    rng = np.random.default_rng(3)
    classes = rng.integers(4, size=120)
    changed = np.where(rng.random(120) < 0.3, rng.integers(4, size=120), classes)
    found = adjusted_mutual_information(classes, changed, rng, runs=RUNS)
    assert 0.2 < found.low < found.estimate < found.high < 0.8


def test_single_classes_and_classes_of_single_outputs_are_no_trouble() -> None:
    rng = np.random.default_rng(4)
    assert adjusted_mutual_information([0, 0, 0], [5, 5, 5], rng).estimate == 1.0
    assert adjusted_mutual_information([0, 0, 0, 0], [0, 1, 0, 1], rng).estimate == pytest.approx(0.0)
    assert adjusted_mutual_information(range(60), range(60), rng).estimate == pytest.approx(1.0)
    assert np.isnan(adjusted_mutual_information([0, 1], [0, 1], rng, runs=["a", "a"]).low)


def test_divisions_of_different_outputs_are_refused() -> None:
    with pytest.raises(RequestError, match="the same outputs"):
        adjusted_mutual_information([0, 1], [0, 1, 1], np.random.default_rng(0))
