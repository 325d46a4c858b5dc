from __future__ import annotations

import pytest

from panic_tda.signature import Kind, Signature, broken_links

PAINT = Signature(Kind.TEXT, Kind.IMAGE)
CAPTION = Signature(Kind.IMAGE, Kind.TEXT)
REWRITE = Signature(Kind.TEXT, Kind.TEXT)


@pytest.mark.parametrize("text", ["text -> image", "image -> text", "text -> text", "text -> vector"])
def test_signatures_read_as_they_are_written(text: str) -> None:
    assert str(Signature.parse(text)) == text


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="sound"):
        Signature.parse("text -> sound")


def test_only_models_that_make_content_are_generators() -> None:
    assert PAINT.is_generator
    assert not Signature(Kind.TEXT, Kind.VECTOR).is_generator


@pytest.mark.parametrize("chain", [[PAINT, CAPTION], [REWRITE], [REWRITE, PAINT, CAPTION], [CAPTION, PAINT]])
def test_a_network_that_closes_has_no_faults(chain: list[Signature]) -> None:
    assert broken_links([f"model {n}" for n in range(len(chain))], chain) == []


def test_a_cycle_that_does_not_close_says_who_makes_what() -> None:
    assert broken_links(["Glyph"], [PAINT]) == ["the cycle does not close: Glyph makes image, Glyph takes text"]


def test_every_broken_link_is_told() -> None:
    assert broken_links(["A", "B", "C"], [PAINT, PAINT, CAPTION]) == [
        "the models do not chain: A makes image, B takes text"
    ]
    assert len(broken_links(["A", "B"], [PAINT, PAINT])) == 2
