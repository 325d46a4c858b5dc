"""How runs are packed into a frame: for any number of runs and any frame."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.errors import RequestError
from panic_tda.figures.packing import LEAST_SHARE, Arrangement, Box, Packing, arrangement, packing

SIDES = st.integers(64, 4_096).map(lambda half: 2 * half)
RUNS = st.one_of(st.integers(1, 40), st.integers(1, 5_000))
ASPECTS = st.sampled_from([0.5, 1.0, 16 / 9, 2.4])
PIXELS_OF_A_RUN = 16 * 16


def inside(inner: Box, outer: Box) -> bool:
    return (
        inner.left >= outer.left
        and inner.top >= outer.top
        and inner.left + inner.width <= outer.left + outer.width
        and inner.top + inner.height <= outer.top + outer.height
        and min(inner.width, inner.height) > 0
    )


def apart(one: Box, other: Box) -> bool:
    return (
        one.left + one.width <= other.left
        or other.left + other.width <= one.left
        or one.top + one.height <= other.top
        or other.top + other.height <= one.top
    )


def parts(arranged: Arrangement) -> list[Box]:
    return [box for box in (arranged.picture, arranged.label, arranged.caption) if box]


@given(runs=RUNS, width=SIDES, height=SIDES, aspect=ASPECTS)
def test_runs_fill_at_least_four_fifths_of_any_frame_that_has_room_for_them(
    runs: int, width: int, height: int, aspect: float
) -> None:
    if width * height < PIXELS_OF_A_RUN * runs:
        return
    found = packing(runs, width, height, aspect)
    assert 1 >= found.share >= LEAST_SHARE
    assert found.columns * (found.rows - 1) < runs <= found.columns * found.rows
    below = Box(0, found.header, width, height - found.header)
    assert all(inside(found.cell(index), below) for index in {0, runs // 3, runs - 1})


@given(runs=st.integers(1, 30), width=SIDES, height=SIDES)
def test_cells_never_overlap(runs: int, width: int, height: int) -> None:
    found = packing(runs, width, height)
    cells = [found.cell(index) for index in range(runs)]
    assert all(apart(one, other) for one, other in combinations(cells, 2))


@given(width=st.integers(12, 4_000), height=st.integers(12, 4_000), smallest=st.integers(9, 16), aspect=ASPECTS)
def test_picture_label_and_caption_lie_in_their_cell_and_apart(
    width: int, height: int, smallest: int, aspect: float
) -> None:
    arranged = arrangement(width, height, smallest, 1_080, aspect)
    assert all(inside(box, Box(0, 0, width, height)) for box in [*parts(arranged), arranged.card])
    assert all(apart(one, other) for one, other in combinations(parts(arranged), 2))
    assert inside(arranged.picture, arranged.card)
    assert arranged.caption is None or inside(arranged.caption, arranged.card)
    assert arranged.label is None or apart(arranged.label, arranged.card)


@pytest.mark.parametrize(("runs", "grid"), [(1, (1, 1)), (2, (2, 1)), (4, (2, 2)), (6, (3, 2)), (64, (13, 5))])
def test_square_pictures_in_an_hd_frame(runs: int, grid: tuple[int, int]) -> None:
    found = packing(runs, 1920, 1080)
    assert (found.columns, found.rows) == grid


def test_a_lone_run_has_its_caption_beside_a_square_picture_and_under_a_wide_one() -> None:
    square, wide = (packing(1, 1920, 1080, aspect).arrangement for aspect in (1.0, 2.4))
    assert square.caption
    assert wide.caption
    assert square.caption.left > square.picture.left + square.picture.width
    assert wide.caption.top > wide.picture.top + wide.picture.height


def test_pictures_have_words_unless_letters_would_be_too_small_to_read() -> None:
    assert packing(64, 1920, 1080).arrangement.caption
    assert packing(1_000, 7680, 4320).arrangement.caption
    assert packing(1_000, 1920, 1080).arrangement == Arrangement(
        picture=Box(1, 1, 43, 41), card=Box(1, 1, 43, 41), label=None, caption=None, type=10, largest_type=10
    )


def test_letters_grow_with_the_frame_and_are_never_too_small() -> None:
    assert [packing(9, 4_000, height).type for height in (128, 1080, 2160, 4320)] == [9, 10, 16, 16]


def test_what_is_left_over_is_spread_between_the_cells() -> None:
    found = Packing(width=100, height=128, runs=3, columns=3, rows=1, cell_width=33, cell_height=114)
    assert [found.cell(index).left for index in range(3)] == [0, 33, 66]
    assert found.cell(0).top == found.header == 14


@pytest.mark.parametrize(
    ("runs", "size", "said"),
    [
        (0, (1920, 1080), "there is no run to show"),
        (1, (1921, 1080), "a frame of 1921x1080 pixels: both sides must be even"),
        (1, (1920, 126), "a frame of 1920x126 pixels: both sides must be 128 to 8,192"),
        (1, (8194, 1080), "a frame of 8194x1080 pixels: both sides must be 128 to 8,192"),
        (5_000, (320, 180), "5,000 runs do not fit a frame of 320x180 pixels"),
    ],
)
def test_what_cannot_be_packed_is_refused(runs: int, size: tuple[int, int], said: str) -> None:
    with pytest.raises(RequestError) as refused:
        packing(runs, *size)
    assert refused.value.message == said
