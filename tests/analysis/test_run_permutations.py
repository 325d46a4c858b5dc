from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.run_permutations import run_orders, ways_to_order


@given(runs=st.lists(st.integers(0, 5), min_size=1, max_size=30), seed=st.integers(0, 100))
def test_whole_runs_change_places_with_runs_of_their_length_and_keep_their_order(runs: list[int], seed: int) -> None:
    names = np.array(runs)
    for order in run_orders(runs, 5, np.random.default_rng(seed)):
        assert sorted(order.tolist()) == list(range(len(runs)))
        for run in set(runs):
            mine = order[names == run]
            assert len(set(names[mine].tolist())) == 1
            assert (np.diff(mine) > 0).all()
            assert len(mine) == int((names == names[mine[0]]).sum())


def test_every_order_is_dealt_about_equally_often() -> None:
    orders = run_orders([0, 0, 1, 1, 2, 2], 6000, np.random.default_rng(0))
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == ways_to_order([0, 0, 1, 1, 2, 2]) == 6
    assert counts.min() > 880


def test_of_many_runs_there_are_more_orders_than_can_be_counted() -> None:
    assert ways_to_order(list(range(40))) == float("inf")
    assert ways_to_order([0, 1, 1]) == 1
