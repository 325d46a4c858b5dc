"""What is handed out piece by piece is the text, up to the first stop text, however it was cut."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from panic_tda.models.pieces import Decoded, UntilStop

LETTERS = st.text("ab", max_size=12)


def expected(text: str, stops: Sequence[str]) -> str:
    """Read letter by letter: the text before the stop text that is complete first."""
    for end in range(len(text) + 1):
        found = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: min(found)]
    return text


@settings(max_examples=40)
@given(st.lists(LETTERS, max_size=6), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_a_stop_text_is_found_wherever_it_is_cut(pieces: list[str], stops: list[str]) -> None:
    until = UntilStop(stops)
    told = [until.add(piece) for piece in pieces]
    said = "".join(told) + until.rest()
    whole = "".join(pieces)
    assert said == expected(whole, stops)
    assert until.found == any(stop in whole for stop in stops)


def test_what_may_become_a_stop_text_is_held_back_and_no_more_than_that() -> None:
    until = UntilStop(["END"])
    assert [until.add(piece) for piece in ("aE", "N", "xE", "ND", "y")] == ["a", "", "ENx", "", ""]
    assert until.found


@settings(max_examples=40)
@given(st.text(max_size=20))
def test_characters_of_several_tokens_come_whole(text: str) -> None:
    decoded = Decoded(lambda tokens: bytes(tokens).decode("utf-8", "replace"))
    bare = text.replace("\N{REPLACEMENT CHARACTER}", "").encode("utf-8", "ignore")
    told = [decoded.add(byte) for byte in bare]
    assert "".join(told) + decoded.rest() == bare.decode()
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in told)


def test_half_a_character_at_the_end_is_not_lost_without_a_word() -> None:
    decoded = Decoded(lambda tokens: bytes(tokens).decode("utf-8", "replace"))
    told = [decoded.add(byte) for byte in "é".encode()[:1]]
    assert (told, decoded.rest()) == ([""], "\N{REPLACEMENT CHARACTER}")
