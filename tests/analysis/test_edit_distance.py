from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.analysis.edit_distance import edit_distance, normalised_edit_distance

short = st.text(alphabet="abc", max_size=9)


def by_table(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        above, row = row, [i]
        for j, theirs in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (mine != theirs)))
    return row[-1]


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
        ("flaw", "lawn", 2),
        ("same", "same", 0),
        ("ä😀", "a😀", 1),
    ],
)
def test_known_pairs(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == distance


@given(short, short)
def test_it_agrees_with_the_table_of_the_textbook(one: str, other: str) -> None:
    assert edit_distance(one, other) == by_table(one, other)


@given(st.text(max_size=80), st.text(max_size=80))
def test_it_is_bounded_by_the_lengths_and_zero_for_equal_texts_alone(one: str, other: str) -> None:
    distance = edit_distance(one, other)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))
    assert (distance == 0) == (one == other)


@given(short, short, short)
def test_the_triangle_inequality_holds(one: str, other: str, third: str) -> None:
    assert edit_distance(one, third) <= edit_distance(one, other) + edit_distance(other, third)


def test_it_is_normalised_by_the_longer_text() -> None:
    assert normalised_edit_distance("kitten", "sitting") == 3 / 7
    assert normalised_edit_distance("abc", "xyz") == 1.0
    assert normalised_edit_distance("", "") == 0.0
