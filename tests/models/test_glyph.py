from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from panic_tda.content import Image, Text
from panic_tda.models import glyph
from panic_tda.models.model import Generator, Parameters, Placement

[SPEC] = glyph.MODELS
SMALL = {"width": 128, "height": 64}


@pytest.fixture(scope="module")
def model() -> Iterator[Generator]:
    loaded = cast("Generator", SPEC.load(Placement()))
    yield loaded
    loaded.close()


def paint(model: Generator, text: str, seed: int = 7, given: Parameters = SMALL) -> NDArray[np.uint8]:
    [image] = model.generate([Text(text)], [seed], SPEC.with_defaults(given))
    assert isinstance(image, Image)
    return np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)


@settings(max_examples=25, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), seed=st.integers(0, 2**63))
def test_any_text_gives_an_image_of_the_size_asked_for(model: Generator, text: str, seed: int) -> None:
    assert paint(model, text, seed).shape == (64, 128, 3)


def test_the_image_depends_on_text_and_seed_and_on_nothing_else(model: Generator) -> None:
    texts, seeds = [Text("one"), Text("two"), Text("one")], [1, 2, 2**63]
    parameters = SPEC.with_defaults(SMALL)
    together = model.generate(texts, seeds, parameters)
    fresh = cast("Generator", SPEC.load(Placement(threads=2)))
    backwards = fresh.generate(texts[::-1], seeds[::-1], parameters)[::-1]
    assert list(together) == list(backwards)
    assert len({cast("Image", image).sha256 for image in together}) == 3
    fresh.close()


def test_without_distortion_seeds_change_nothing_and_paper_is_white(model: Generator) -> None:
    clean = {**SMALL, "distortion": 0.0}
    assert np.array_equal(paint(model, "quiet lake", 1, clean), paint(model, "quiet lake", 2, clean))
    assert paint(model, "", 1, clean).min() == 255
    assert paint(model, "quiet lake", 1, clean).min() == 0


def test_an_empty_text_gives_a_damaged_blank_canvas(model: Generator) -> None:
    assert paint(model, "", 1).std() > 0.0
    assert not np.array_equal(paint(model, "", 1), paint(model, "", 2))


@pytest.mark.parametrize("kind", ["warp", "blur", "noise", "occlusion"])
def test_each_kind_of_damage_alone_changes_the_image(model: Generator, kind: str) -> None:
    others = dict.fromkeys(("warp", "blur", "noise", "occlusion"), 0.0)
    none = paint(model, "quiet lake", 1, {**SMALL, **others})
    alone = paint(model, "quiet lake", 1, {**SMALL, **others, kind: 1.0})
    assert not np.array_equal(none, alone)


def test_more_distortion_is_further_from_the_clean_image(model: Generator) -> None:
    def distance(strength: float) -> float:
        clean, damaged = (paint(model, "lake", 1, {**SMALL, "distortion": s}).astype(float) for s in (0.0, strength))
        return float(np.abs(clean - damaged).mean())

    assert distance(0.2) < distance(0.6) < distance(1.0)


def test_longer_texts_are_set_smaller_until_they_fit(model: Generator) -> None:
    clean = {"width": 300, "height": 100, "distortion": 0.0}
    for words in (3, 12, 30):
        ink = np.argwhere(paint(model, "lake " * words, 1, clean)[..., 0] < 128)
        assert ink[:, 0].min() > 5
        assert ink[:, 0].max() < 95
        assert ink[:, 1].min() > 5
        assert ink[:, 1].max() < 295


def test_a_text_too_long_for_the_smallest_font_loses_its_end(model: Generator) -> None:
    clean = {**SMALL, "distortion": 0.0}
    once = paint(model, "lake " * 200, 1, clean)
    assert np.array_equal(once, paint(model, "lake " * 200 + "boat", 1, clean))


def test_words_wider_than_the_line_are_broken() -> None:
    font = glyph._font(20)
    lines = glyph.wrap("a " + "w" * 40 + " end", font, 100)
    assert "".join(lines).replace(" ", "") == "a" + "w" * 40 + "end"
    assert all(font.getlength(line) <= 100 for line in lines)


def test_one_letter_wider_than_the_line_still_ends() -> None:
    assert glyph.wrap("WW", glyph._font(30), 3) == ["W", "W"]
