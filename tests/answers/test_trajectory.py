from __future__ import annotations

import numpy as np
import pytest

from panic_tda.answers.trajectory import Trajectory, clouds, evenly, evenly_by_cycle, trajectories
from support.builders import Lab, small_lab


def only(lab: Lab) -> Trajectory:
    frames = lab.frames()
    return trajectories(frames.runs, frames.invocations)[0]


@pytest.mark.parametrize(
    ("outputs", "period", "start"),
    [
        (["x", "A", "B", "A"], 2, 1),
        (["x", "A", "B", "A", "B"], 2, 1),
        (["A", "A"], 1, 0),
        (["x", "A", "B"], 2, 1),  # a record that leaves the repeated output out
        (["x"], 5, None),
    ],
)
def test_a_loop_starts_at_the_first_step_that_comes_again(outputs: list[str], period: int, start: int | None) -> None:
    lab = Lab()
    lab.run(outputs, network="M", cycle=("text",), stop="loop", period=period)
    assert only(lab).loop_start == start


def test_a_period_that_was_not_recorded_is_read_from_the_outputs() -> None:
    lab = Lab()
    lab.run(["x", "A", "B", "A"], network="M", cycle=("text",), stop="loop")
    lab.run(["x", "A", "B"], network="M", cycle=("text",), stop="loop")
    frames = lab.frames()
    first, second = trajectories(frames.runs, frames.invocations)
    assert (first.period, first.loop_start) == (2, 1)
    assert (second.period, second.loop_start) == (None, None)


def test_steps_are_in_order_whatever_the_order_of_the_rows() -> None:
    frames = small_lab().frames()
    assert trajectories(frames.runs, frames.invocations.reverse()) == trajectories(frames.runs, frames.invocations)


def test_distance_to_the_start_is_euclidean() -> None:
    lab = Lab()
    lab.embed(lab.run(["a", "b"] * 3), [[1, 0], [0, 1], [-1, 0]])
    frames = lab.frames()
    (cloud,) = clouds(frames.runs, frames.embeddings)
    np.testing.assert_allclose(cloud.distances_to_start(), [0, 2**0.5, 2], atol=1e-6)
    assert cloud.last_move() == pytest.approx(2**0.5)


def test_clouds_of_other_runs_are_left_out() -> None:
    frames = small_lab().frames()
    assert [cloud.run_id for cloud in clouds(frames.runs.head(1), frames.embeddings)] == [frames.runs["run_id"][0]]


@pytest.mark.parametrize(("count", "limit"), [(10, 3), (100, 7), (5, 5), (5, 9), (2, 1), (0, 4)])
def test_even_samples_keep_the_limit_and_both_ends(count: int, limit: int) -> None:
    chosen = evenly(count, limit)
    assert len(chosen) == min(count, limit)
    assert chosen == sorted(set(chosen))
    if limit > 1 and count:
        assert (chosen[0], chosen[-1]) == (0, count - 1)


def test_sampled_cycles_hold_every_position_of_the_cycle() -> None:
    chosen = evenly_by_cycle(100, 2, 10)
    assert len(chosen) == 10
    assert {step % 2 for step in chosen} == {0, 1}
    assert all(step + 1 in chosen for step in chosen if step % 2 == 0)


def test_cycles_longer_than_the_room_are_sampled_step_by_step() -> None:
    assert evenly_by_cycle(100, 8, 10) == evenly(100, 10)
