"""Which invocations of a run are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from panic_tda.store.importing.chain import Link, whole_chain


def links(*places: tuple[str, int, str | None]) -> list[Link]:
    return [Link(key, number, taken, f"{order:04}") for order, (key, number, taken) in enumerate(places)]


def kept(found: list[Link]) -> str:
    return "".join(each.id for each in found)


def test_a_whole_run_is_kept_in_order() -> None:
    chain = whole_chain(links(("b", 1, "a"), ("a", 0, None), ("c", 2, "b")))
    assert (kept(chain.kept), chain.refused, chain.cut) == ("abc", [], False)


def test_of_two_the_one_that_was_used_is_kept() -> None:
    chain = whole_chain(links(("a", 0, None), ("x", 1, "a"), ("b", 1, "a"), ("c", 2, "b")))
    assert kept(chain.kept) == "abc"
    assert [(link.id, reason) for link, reason in chain.refused] == [("x", "a duplicate of step 1: b is kept")]
    assert not chain.cut


def test_of_two_that_nothing_used_the_earliest_is_kept() -> None:
    assert kept(whole_chain(links(("a", 0, None), ("b", 1, "a"), ("x", 1, "a"))).kept) == "ab"


def test_a_hole_ends_the_chain() -> None:
    chain = whole_chain(links(("a", 0, None), ("c", 2, "b"), ("d", 3, "c")))
    assert (kept(chain.kept), chain.cut) == ("a", True)
    assert {reason for _, reason in chain.refused} == {"it comes after step 1, which is missing"}


def test_a_wrong_input_ends_the_chain() -> None:
    chain = whole_chain(links(("a", 0, None), ("b", 1, "c"), ("c", 2, "b")))
    assert [reason for _, reason in chain.refused] == [
        "its input is c, where step 0 of its run is a",
        "it comes after step 1, which is refused",
    ]


def test_a_first_step_takes_the_prompt() -> None:
    assert whole_chain(links(("a", 0, "prompt-1"))).cut is False
    (refused,) = whole_chain(links(("a", 0, "a"))).refused
    assert refused[1] == "the first step takes the output of a and not the prompt"


def test_where_inputs_are_not_known_the_numbers_decide() -> None:
    chain = whole_chain(links(("a", 0, None), ("b", 1, None), ("c", 3, None)), inputs_known=False)
    assert (kept(chain.kept), chain.cut) == ("ab", True)


@given(st.lists(st.tuples(st.integers(0, 6), st.none() | st.integers(0, 12), st.integers(0, 3)), max_size=12))
def test_whatever_comes_the_kept_are_a_chain_and_nothing_is_forgotten(
    places: list[tuple[int, int | None, int]],
) -> None:
    given_links = [
        Link(str(key), number, None if taken is None else str(taken), str(start))
        for key, (number, taken, start) in enumerate(places)
    ]
    chain = whole_chain(given_links)
    assert [link.sequence_number for link in chain.kept] == list(range(len(chain.kept)))
    assert [link.input_id for link in chain.kept] == [None, *(link.id for link in chain.kept[:-1])][: len(chain.kept)]
    accounted = [*chain.kept, *(link for link, _ in chain.refused)]
    assert sorted(accounted, key=lambda link: int(link.id)) == given_links
    assert all(reason for _, reason in chain.refused)
