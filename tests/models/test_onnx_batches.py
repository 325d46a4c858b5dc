"""Which items share a call of onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.models.onnx.batches import batches, company_changes_nothing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from panic_tda.models.onnx.batches import Arrays

PROBES: list[Arrays] = [{"x": np.full((1, 4), value, np.float32)} for value in (1.0, 2.0, 5.0)]
SIZES = st.lists(st.integers(1, 40), max_size=60)


@given(SIZES, st.booleans(), st.integers(1, 200))
def test_every_item_is_in_one_call_and_no_call_is_too_large(sizes: list[int], equal: bool, most: int) -> None:
    made = batches(sizes, equal=equal, most=most)
    assert sorted(index for part in made for index in part) == list(range(len(sizes)))
    for part in made:
        assert len(part) == 1 or len(part) * max(sizes[index] for index in part) <= most


@given(SIZES)
def test_where_no_padding_is_wanted_all_of_a_call_have_one_size(sizes: list[int]) -> None:
    made = batches(sizes, equal=True)
    assert all(len({sizes[index] for index in part}) == 1 for part in made)
    assert len(made) == len(set(sizes))


def test_a_call_that_is_large_enough_is_not_padded_for_a_longer_item() -> None:
    assert [len(part) for part in batches([4] * 15 + [5], equal=False)] == [16]
    assert [len(part) for part in batches([4] * 16 + [5], equal=False)] == [16, 1]


def test_rows_that_are_computed_by_themselves_pass_the_proof() -> None:
    assert company_changes_nothing(lambda arrays: arrays["x"] * 2, PROBES)


def test_a_scale_that_is_taken_over_the_whole_call_fails_the_proof() -> None:
    assert not company_changes_nothing(lambda arrays: arrays["x"] / arrays["x"].max(), PROBES)


def test_a_result_that_depends_on_the_place_fails_the_proof() -> None:
    def by_place(arrays: Arrays) -> NDArray[np.float32]:
        places = np.arange(len(arrays["x"]), dtype=np.float32)[:, None]
        return np.asarray(arrays["x"] + places * np.float32(1e-6), np.float32)

    assert not company_changes_nothing(by_place, PROBES)
