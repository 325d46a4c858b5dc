from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.medoids import medoids
from panic_tda.errors import RequestError
from support.clusters import planted

LINE = np.array([[0.0], [1.0], [10.0], [11.0], [13.0], [50.0]])


def test_the_medoid_is_the_member_with_the_least_total_distance() -> None:
    found = medoids(LINE, [0, 0, 1, 1, 1, -1])
    assert found.rows.tolist() == [0, 3]
    np.testing.assert_allclose(found.mean_distance, [0.5, 1.0])
    assert found.exact.all()
    assert found.cautions == ()


def test_a_point_that_occurs_often_draws_the_medoid_to_it() -> None:
    found = medoids(LINE, [0, 0, 1, 1, 1, -1], multiplicity=[1, 3, 1, 1, 5, 9])
    assert found.rows.tolist() == [1, 4]
    np.testing.assert_allclose(found.mean_distance, [0.25, 5 / 7])


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 4))
def test_the_medoid_is_what_trying_every_member_gives(seed: int, count: int, clusters: int) -> None:
    rng = np.random.default_rng(seed)
    points, times = rng.normal(size=(count + clusters, 3)), rng.integers(1, 5, count + clusters)
    labels = np.concatenate((rng.integers(-1, clusters, count), np.arange(clusters)))
    found = medoids(points, labels, multiplicity=times)
    for number in range(clusters):
        members = np.flatnonzero(labels == number)
        totals = [(times[members] * np.linalg.norm(points[members] - points[each], axis=1)).sum() for each in members]
        assert found.rows[number] == members[int(np.argmin(totals))]
        np.testing.assert_allclose(found.mean_distance[number] * times[members].sum(), min(totals), atol=1e-6)


def test_of_equal_members_the_first_is_taken_whatever_rounding_says() -> None:
    angle = 2 * np.pi * np.arange(7) / 7
    polygon = np.column_stack((np.cos(angle), np.sin(angle))) + 1000.0
    for start in range(7):
        assert medoids(np.roll(polygon, start, axis=0), [0] * 7).rows.tolist() == [0]


def test_as_many_times_or_as_many_rows_give_the_same_medoid() -> None:
    rng = np.random.default_rng(0)
    points, times = rng.normal(size=(30, 5)), rng.integers(1, 6, 30)
    counted = medoids(points, [0] * 30, multiplicity=times)
    rows = np.repeat(np.arange(30), times)
    spelt_out = medoids(points[rows], [0] * len(rows))
    assert rows[spelt_out.rows[0]] == counted.rows[0]
    np.testing.assert_allclose(spelt_out.mean_distance, counted.mean_distance)


def test_blocks_do_not_change_the_medoid(monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = planted(np.random.default_rng(1), (50, 30), noise=10)
    whole = medoids(points, labels)
    monkeypatch.setattr(import_module("panic_tda.analysis.medoids"), "_ROWS_AT_ONCE", 7)
    assert medoids(points, labels).rows.tolist() == whole.rows.tolist()


def test_of_a_large_cluster_candidates_near_the_mean_are_tried_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_module("panic_tda.analysis.medoids"), "CANDIDATES", 10)
    points, labels = planted(np.random.default_rng(1), (80, 30))
    exact, some = medoids(points, labels), medoids(points, labels, exact_up_to=50)
    assert some.rows.tolist() == exact.rows.tolist()
    np.testing.assert_allclose(some.mean_distance, exact.mean_distance)
    assert some.exact.tolist() == [False, True]
    assert some.cautions == ("1 of 2 medoids found among candidates only",)


def test_without_clusters_there_are_no_medoids() -> None:
    found = medoids(LINE, [-1] * 6)
    assert (len(found.rows), found.cautions) == (0, ())


@pytest.mark.parametrize(
    ("points", "labels", "more", "words"),
    [
        (LINE, [0, 0], {}, "an integer for each of the 6 points"),
        (LINE, [0.0] * 6, {}, "an integer for each of the 6 points"),
        (LINE, [0, 0, 2, 2, 2, 2], {}, "cluster 1 has no members"),
        (LINE, [0] * 6, {"multiplicity": [1, 2]}, "a positive number for each of the 6 points"),
        (LINE, [0] * 6, {"multiplicity": [1, 1, 1, 1, 1, 0]}, "a positive number"),
        (LINE, [0] * 6, {"multiplicity": [1, 1, 1, 1, 1, np.nan]}, "a positive number"),
        ([[np.nan]], [0], {}, "not finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(points: Any, labels: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=re.escape(words)):
        medoids(points, labels, **more)
