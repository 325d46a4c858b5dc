from __future__ import annotations

import numpy as np
import pytest

from panic_tda.analysis.trajectory_dispersion import dispersion, windowed_dispersion
from panic_tda.errors import RequestError


def test_the_dispersion_of_a_circle_is_its_radius_wherever_it_lies() -> None:
    angle = 2 * np.pi * np.arange(50) / 50
    circle = 0.7 * np.column_stack((np.cos(angle), np.sin(angle))) + [5.0, -2.0]
    assert dispersion(circle) == pytest.approx(0.7)


def test_equal_points_have_none_and_no_points_have_no_dispersion() -> None:
    assert dispersion(np.ones((4, 3))) == 0.0
    assert np.isnan(dispersion(np.empty((0, 3))))


def test_a_contracting_loop_loses_its_dispersion_window_by_window() -> None:
    points = np.array([[1.0], [-1.0]] * 10) * 0.8 ** np.arange(20)[:, None]
    windows = windowed_dispersion(points, 4)
    assert len(windows) == 17
    assert (np.diff(windows) < 0).all()
    assert windows[0] == pytest.approx(dispersion(points[:4]))


def test_a_trajectory_shorter_than_the_window_has_no_window() -> None:
    assert windowed_dispersion(np.ones((3, 2)), 4).shape == (0,)


def test_windows_of_one_step_and_points_that_are_not_finite_are_refused() -> None:
    with pytest.raises(RequestError, match="at least 2 steps"):
        windowed_dispersion(np.ones((3, 2)), 1)
    with pytest.raises(RequestError, match="row 0"):
        dispersion([[np.inf, 0.0]])
