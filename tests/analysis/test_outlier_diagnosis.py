from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.clustering import Sizes, cluster
from panic_tda.analysis.outlier_diagnosis import exceeds, outlier_diagnosis
from panic_tda.errors import RequestError
from support.clusters import planted, unit

numbers = st.lists(st.integers(-3, 3), min_size=1, max_size=8)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_planted_noise_is_sparse() -> None:
    points = planted(rng(), (60, 50, 40), noise=200, dimensions=64).points
    found = outlier_diagnosis(points, cluster(points, rng()), rng())
    assert found.verdict == "sparse"
    assert found.remoteness > 1.5
    assert list(found.sweep) == [2, 5, 10]
    assert found.sweep[5] == found.outlier_share >= 0.5
    assert (found.longer, found.cautions) == (None, ())


def test_small_clusters_called_outliers_are_an_artefact() -> None:
    points = planted(rng(), (12,) * 40, dimensions=128, spread=0.4).points
    found = outlier_diagnosis(points, cluster(points, rng(), sizes=Sizes(20, 5)), rng())
    assert found.verdict == "artefact"
    assert found.remoteness < 1.1
    assert found.sweep[10] < found.sweep[20]
    assert found.cautions[0].startswith(
        "outliers are an artefact at least in part: by min_cluster_size they are 0 % at 5"
    )


def test_a_cloud_without_clusters_is_an_artefact() -> None:
    points = unit(rng().normal(size=(300, 64)))
    assert outlier_diagnosis(points, cluster(points, rng()), rng()).verdict == "artefact"


def test_without_outliers_or_members_there_is_no_contrast() -> None:
    tight = planted(rng(), (30, 30), spread=0.05).points
    found = outlier_diagnosis(tight, cluster(tight, rng()), rng())
    assert (found.verdict, math.isnan(found.remoteness)) == ("no outliers", True)
    few = unit(rng().normal(size=(8, 4)))
    found = outlier_diagnosis(few, cluster(few, rng(), sizes=Sizes(9, 2)), rng(), sizes=[3])
    assert (found.verdict, math.isnan(found.remoteness), list(found.sweep)) == ("no members", True, [3, 9])


def test_few_outliers_are_cautioned() -> None:
    points = planted(rng(), (60, 50, 40), noise=4, dimensions=64, spread=0.1).points
    clustering = cluster(points, rng())
    few = int((clustering.best.labels < 0).sum())
    assert 1 < few <= 4
    assert outlier_diagnosis(points, clustering, rng()).cautions == (f"only {few} outliers",)


def test_longer_outliers_are_seen() -> None:
    points = planted(rng(), (60, 50, 40), noise=50, dimensions=64).points
    clustering = cluster(points, rng())
    lengths = np.where(clustering.best.labels < 0, 200, 100)
    assert outlier_diagnosis(points, clustering, rng(), lengths=lengths).longer == 1.0
    assert outlier_diagnosis(points, clustering, rng(), lengths=[7] * 200).longer == 0.5


def test_repeats_are_judged_once_and_counted_in_the_shares() -> None:
    points = planted(rng(), (40, 30), noise=20).points
    times = rng().integers(1, 4, len(points))
    counted = outlier_diagnosis(points, cluster(points, rng(), multiplicity=times), rng(), multiplicity=times)
    spelt_out = np.repeat(points, times, axis=0)
    again = outlier_diagnosis(spelt_out, cluster(spelt_out, rng()), rng())
    assert counted.sweep == again.sweep
    assert counted.remoteness == again.remoteness


def test_of_many_points_a_part_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    points = planted(rng(), (60, 50, 40), noise=200, dimensions=64).points
    clustering = cluster(points, rng())
    whole = outlier_diagnosis(points, clustering, rng(), sizes=[]).remoteness
    monkeypatch.setattr(import_module("panic_tda.analysis.outlier_diagnosis"), "_QUERIES", 150)
    monkeypatch.setattr(import_module("panic_tda.analysis.outlier_diagnosis"), "_ROWS_AT_ONCE", 40)
    part = outlier_diagnosis(points, clustering, rng(), sizes=[]).remoteness
    assert part != whole
    assert part == pytest.approx(whole, rel=0.1)


@given(numbers, numbers)
def test_the_probability_to_exceed_is_the_share_of_pairs(these: list[int], those: list[int]) -> None:
    pairs = [0.5 * ((a > b) + (a >= b)) for a in these for b in those]
    assert exceeds(np.array(these, float), np.array(those, float)) == pytest.approx(np.mean(pairs))


def test_nothing_exceeds_nothing() -> None:
    assert math.isnan(exceeds(np.empty(0), np.ones(3)))
    assert math.isnan(exceeds(np.ones(3), np.empty(0)))


@pytest.mark.parametrize("changes", [{"lengths": [1.0]}, {"points": np.ones((3, 2))}])
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    points = planted(rng(), (30, 30)).points
    given_points = changes.pop("points", points)
    with pytest.raises(RequestError, match="do not fit"):
        outlier_diagnosis(given_points, cluster(points, rng()), rng(), **changes)
