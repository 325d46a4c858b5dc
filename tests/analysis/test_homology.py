from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import euclidean_distances, merge_repeats
from panic_tda.analysis.homology import Engine, PersistenceDiagram, persistence_diagram
from panic_tda.analysis.persistent_entropy import persistent_entropy
from panic_tda.errors import PanicError, RequestError

engines = pytest.mark.parametrize("engine", ["redzed", "gudhi"])
SINGLE = 2e-7
"""Coordinates are float32: known lengths come back to this relative accuracy."""


def polygon(count: int) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(count) / count
    return np.column_stack((np.cos(angle), np.sin(angle)))


def cross_polytope(dimension: int) -> NDArray[np.float64]:
    return np.vstack((np.eye(dimension), -np.eye(dimension)))


def sphere_walk(steps: int, seed: int, dimension: int = 768) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(steps, dimension)), axis=0)
    unit: NDArray[np.float32] = (walk / np.linalg.norm(walk, axis=1, keepdims=True)).astype(np.float32)
    return unit


def finite(bars: NDArray[np.float64]) -> NDArray[np.float64]:
    return bars[np.isfinite(bars[:, 1])]


def assert_same_bars(one: PersistenceDiagram, other: PersistenceDiagram, tolerance: float) -> None:
    for mine, theirs in zip(one.bars, other.bars, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, atol=tolerance, rtol=0)


@engines
@pytest.mark.parametrize("count", [4, 5, 6, 7, 9, 12, 20, 31])
def test_a_regular_polygon_has_one_loop_from_its_side_to_the_chord_of_a_third(count: int, engine: Engine) -> None:
    (loop,) = persistence_diagram(polygon(count), engine=engine).bars[1]
    chord = 2 * math.sin(math.pi * math.ceil(count / 3) / count)
    assert loop == pytest.approx((2 * math.sin(math.pi / count), chord), rel=SINGLE)


@engines
@pytest.mark.parametrize("third", [2, 3, 4, 5])
def test_a_polygon_of_3k_points_becomes_a_wedge_of_k_minus_1_spheres(third: int, engine: Engine) -> None:
    """Adamaszek & Adams (2017): the Rips complex of 3k points at the chord of a third."""
    spheres = persistence_diagram(polygon(3 * third), engine=engine).bars[2]
    assert len(spheres) == third - 1
    chords = [2 * math.sin(math.pi * k / (3 * third)) for k in (third, third + 1)]
    np.testing.assert_allclose(spheres, [chords] * len(spheres), rtol=SINGLE)


@engines
@pytest.mark.parametrize("dimension", [2, 3, 4])
def test_a_cross_polytope_is_a_hollow_sphere_from_sqrt_2_to_2(dimension: int, engine: Engine) -> None:
    diagram = persistence_diagram(cross_polytope(dimension), max_dim=3, engine=engine)
    assert [len(bars) for bars in diagram.bars[1:]] == [int(k == dimension - 1) for k in (1, 2, 3)]
    assert diagram.bars[dimension - 1][0] == pytest.approx((math.sqrt(2), 2), rel=SINGLE)


def lines_in_space(count: int) -> NDArray[np.float64]:
    """The projective plane: directions of a Fibonacci half-sphere, x and −x made one point by x·xᵀ."""
    z = (np.arange(count) + 0.5) / count
    turn = np.pi * (1 + 5**0.5) * np.arange(count)
    x = np.column_stack((np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z))
    squares: NDArray[np.float64] = x[:, :, None] * x[:, None, :]
    return squares.reshape(count, 9)


@engines
def test_the_projective_plane_has_the_loop_and_the_void_that_only_coefficients_mod_2_see(engine: Engine) -> None:
    for bars in persistence_diagram(lines_in_space(60), engine=engine).bars[1:]:
        lengths = np.sort(bars[:, 1] - bars[:, 0])
        assert lengths[-1] > 0.5
        assert lengths[-2] < 0.25


@engines
def test_the_unit_circle_of_100_steps_gives_the_reference_values(engine: Engine) -> None:
    angle = np.linspace(0, 2 * np.pi, 100)
    diagram = persistence_diagram(np.column_stack((np.cos(angle), np.sin(angle))), engine=engine)
    assert [bars.shape for bars in diagram.bars[:2]] == [(99, 2), (1, 2)]
    assert diagram.bars[1][0] == pytest.approx((0.0635, 1.7321), abs=1e-4)
    assert persistent_entropy(diagram.bars[0]).plain == pytest.approx(4.58497, abs=1e-5)


@engines
def test_three_points_on_a_line_give_the_reference_values(engine: Engine) -> None:
    diagram = persistence_diagram([(0, 1, 2), (1, 2, 3), (2, 3, 4)], engine=engine)
    np.testing.assert_allclose(diagram.bars[0], [[0, 1.7320508], [0, 1.7320508], [0, np.inf]], rtol=1e-7)
    assert [len(bars) for bars in diagram.bars] == [3, 0, 0]
    assert persistent_entropy(diagram.bars[0]).plain == pytest.approx(0.6931472, abs=1e-7)


@engines
@pytest.mark.parametrize("max_dim", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_points_have_their_components_and_nothing_else(count: int, max_dim: int, engine: Engine) -> None:
    diagram = persistence_diagram(np.eye(3)[:count], max_dim=max_dim, engine=engine)
    expected = [[0.0, math.sqrt(2)]] * (count - 1) + [[0.0, math.inf]] * min(count, 1)
    assert diagram.bars[0].tolist() == expected
    assert [bars.shape for bars in diagram.bars[1:]] == [(0, 2)] * max_dim
    assert {bars.dtype for bars in diagram.bars} == {np.dtype(np.float64)}


def test_no_steps_at_all_are_recorded_as_such() -> None:
    diagram = persistence_diagram([])
    assert (diagram.points, diagram.distinct_points, diagram.used_points) == (0, 0, 0)
    assert len(diagram.bars) == 3


@engines
def test_three_identical_points_are_one_component_of_multiplicity_three(engine: Engine) -> None:
    diagram = persistence_diagram(np.ones((3, 8)), engine=engine)
    assert diagram.bars[0].tolist() == [[0.0, math.inf]]
    assert (diagram.points, diagram.multiplicity.tolist()) == (3, [3])


@engines
def test_400_steps_with_60_distinct_values_give_59_finite_components_and_no_false_loop(engine: Engine) -> None:
    values = sphere_walk(60, seed=5)
    visits = np.concatenate((np.arange(60), np.random.default_rng(6).integers(60, size=340)))
    repeated, once = (persistence_diagram(points, engine=engine) for points in (values[visits], values))
    assert len(finite(repeated.bars[0])) == 59
    assert (repeated.points, repeated.distinct_points, repeated.covering_radius) == (400, 60, 0.0)
    assert repeated.multiplicity.sum() == 400
    assert_same_bars(repeated, once, 0.0)


def awkward_cloud(seed: int) -> NDArray[np.float64]:
    """Ties, duplicates, lines, high dimensions and scales, by turns."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 36))
    shapes: list[Callable[[], NDArray[Any]]] = [
        lambda: rng.integers(0, 4, size=(count, 3)),
        lambda: rng.normal(size=(count, 3)),
        lambda: rng.normal(size=(max(count // 3, 1), 4))[rng.integers(max(count // 3, 1), size=count)],
        lambda: sphere_walk(count, seed),
        lambda: 1e3 + 1e-2 * rng.normal(size=(count, 2)),
        lambda: rng.integers(0, 9, size=(count, 1)),
        lambda: np.vstack((polygon(count), polygon(count) * 0.5)),
        lambda: 1e-20 * rng.normal(size=(count, 3)),
    ]
    return shapes[seed % len(shapes)]().astype(np.float64)


@pytest.mark.parametrize("seed", range(56))
def test_both_engines_give_the_same_bars(seed: int) -> None:
    points = awkward_cloud(seed)
    ours, theirs = (persistence_diagram(points, engine=engine) for engine in ("redzed", "gudhi"))
    assert_same_bars(ours, theirs, 1e-12)


@engines
def test_bars_begin_and_end_at_float64_distances_not_at_rounded_ones(engine: Engine) -> None:
    points = np.random.default_rng(8).normal(size=(40, 3)).astype(np.float32)
    distances = euclidean_distances(points)
    for bars in persistence_diagram(points, engine=engine).bars:
        assert np.isin(finite(bars), distances).all()


grid_points = st.lists(st.tuples(*[st.integers(-3, 3)] * 3), min_size=1, max_size=14)


@settings(max_examples=60)
@given(grid_points, st.data())
def test_bars_do_not_depend_on_order_or_repetition(points: list[tuple[int, ...]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(points + data.draw(st.lists(st.sampled_from(points), max_size=6))))
    assert_same_bars(persistence_diagram(points), persistence_diagram(shuffled), 1e-9)


def test_bars_are_sorted_by_birth_then_death() -> None:
    for bars in persistence_diagram(np.random.default_rng(9).normal(size=(60, 3))).bars:
        assert bars.tolist() == sorted(bars.tolist())


def test_distances_too_small_for_float32_coordinates_are_zero_length() -> None:
    nudged = np.array([[1.0, 0.0], [1.0, 1e-9], [0.0, 1.0]], np.float32)
    diagram = persistence_diagram(nudged)
    assert (diagram.distinct_points, len(diagram.bars[0])) == (3, 2)
    assert diagram.resolution == 2.0**-22


def bottleneck(one: ArrayLike, other: ArrayLike) -> float:
    import gudhi

    return float(gudhi.bottleneck_distance(one, other))


@pytest.mark.parametrize("limit", [20, 40, 80])
@pytest.mark.parametrize("cloud", ["circle", "walk"])
def test_landmarks_stay_within_twice_the_covering_radius(cloud: str, limit: int) -> None:
    rng = np.random.default_rng(10)
    points = polygon(120) + 0.1 * rng.normal(size=(120, 2)) if cloud == "circle" else sphere_walk(120, 11)
    full, few = persistence_diagram(points), persistence_diagram(points, max_points=limit)
    assert (few.used_points, few.distinct_points) == (limit, 120)
    assert few.covering_radius > 0.0
    for all_bars, landmark_bars in zip(full.bars, few.bars, strict=True):
        assert bottleneck(all_bars, landmark_bars) <= 2 * few.covering_radius + full.resolution


def test_all_points_are_used_below_the_limit_and_without_h2() -> None:
    points = sphere_walk(30, seed=12)
    for diagram in (persistence_diagram(points, max_points=30), persistence_diagram(points, max_dim=1, max_points=10)):
        assert (diagram.used_points, diagram.covering_radius) == (30, 0.0)


def test_repeats_do_not_count_towards_the_limit() -> None:
    assert persistence_diagram(np.tile(sphere_walk(10, seed=13), (5, 1)), max_points=10).covering_radius == 0.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"engine": "ripser"}, "redzed, gudhi|ripser"), ({"max_dim": -1}, "max_dim"), ({"max_points": 0}, "max_points")],
)
def test_impossible_requests_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        persistence_diagram(np.eye(3), **wrong)


def test_points_that_are_not_finite_are_refused() -> None:
    with pytest.raises(RequestError, match="row 0"):
        persistence_diagram([[np.nan, 0.0]])


BREAKAGES: dict[str, Callable[[list[Any], Any], list[Any]]] = {
    "2 dimensions instead of 3": lambda bars, codes: bars[:2],
    "infinite bars by dimension [0, 0, 0]": lambda bars, codes: [finite(bars[0]), *bars[1:]],
    "infinite bars by dimension [1, 1, 0]": lambda bars, codes: [bars[0], np.array([[1.0, np.inf]]), bars[2]],
    "a death before its birth": lambda bars, codes: [bars[0], np.array([[codes.max(), codes.min()]]), bars[2]],
    "3 components of 4 points": lambda bars, codes: [bars[0][1:], *bars[1:]],
    "or one born after 0": lambda bars, codes: [np.maximum(bars[0], codes.min()), *bars[1:]],
}


@pytest.mark.parametrize("fault", BREAKAGES)
def test_impossible_bars_from_an_engine_are_an_error_that_names_the_other_one(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import redzed_tda

    rips = redzed_tda.rips
    monkeypatch.setattr(redzed_tda, "rips", lambda codes, **given: BREAKAGES[fault](rips(codes, **given), codes))
    with pytest.raises(PanicError) as caught:
        persistence_diagram(polygon(4))
    assert fault in caught.value.message
    assert "gudhi" in caught.value.hint


def test_the_points_of_the_caller_are_left_as_they_are() -> None:
    points = np.array([[-0.0, 1.0], [2.0, 3.0], [2.0, 3.0]], np.float32)
    before = points.tobytes()
    persistence_diagram(points)
    merge_repeats(points)
    assert points.tobytes() == before
