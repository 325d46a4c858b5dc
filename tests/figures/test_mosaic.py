from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from panic_tda.figures.mosaic import mosaic
from panic_tda.figures.tiles import fitted, text_tile, thumbnail, typeface, wrapped
from support.builders import Lab, glyph, small_lab

WHITE = (255, 255, 255)


def picture(lab: Lab, **options: int) -> Image.Image:
    frames = lab.frames()
    return mosaic(frames.runs, frames.invocations, lab.load_image, **options)


def ink(image: Image.Image) -> int:
    """Number of dark pixels."""
    return int((np.asarray(image.convert("L")) < 150).sum())


def size_of(outputs: int, runs: int, **options: int) -> tuple[int, int]:
    lab = Lab()
    for seed in range(runs):
        lab.run(["word"] * outputs, network="M", cycle=("text",), seed=seed)
    return picture(lab, **options).size


def test_each_step_and_each_run_adds_a_tile() -> None:
    assert size_of(4, 1)[0] - size_of(3, 1)[0] == 160 + 6
    assert size_of(3, 4)[1] - size_of(3, 3)[1] == 160 + 6


def test_twins_are_named_as_twins_and_those_left_out_are_counted() -> None:
    lab = Lab()
    base = lab.run(["apple", "a red apple"], run_number=0)
    lab.run(["apple", "a red apple"], run_number=1)
    plain = picture(lab)
    lab.rows["runs"][1]["twin_of"] = base
    assert picture(lab).crop((0, 48, 272, 400)).tobytes() != plain.crop((0, 48, 272, 400)).tobytes()
    note = picture(lab, left_out=3).crop((0, 0, 400, 24))
    assert ink(note) > ink(picture(lab).crop((0, 0, 400, 24)))


def test_images_and_texts_are_drawn_in_the_places_of_their_steps() -> None:
    lab = Lab()
    lab.run(["apple", "a red apple"])
    whole = picture(lab)
    left, top, step = 16 + 256, 8 + 3 * 16, 166
    image = whole.crop((left, top, left + 160, top + 160))
    text = whole.crop((left + step, top, left + step + 160, top + 160))
    assert image.tobytes() == thumbnail(glyph("apple"), 160).tobytes()
    assert text.tobytes() == text_tile("a red apple", 160).tobytes()


@pytest.mark.parametrize("text", ["a", "a red apple", "x" * 500, "word " * 300, "", "日本 🍎", "\x1b[31m"])
@pytest.mark.parametrize("side", [24, 64, 160])
def test_text_tiles_are_never_blank(text: str, side: int) -> None:
    inside = text_tile(text, side).crop((2, 2, side - 2, side - 2))
    assert len(set(inside.convert("RGB").get_flattened_data())) > 1


def test_short_text_is_set_larger_than_long_text() -> None:
    assert text_tile("word", 160).tobytes() != text_tile("word " * 60, 160).tobytes()
    assert ink(text_tile("word " * 60, 160)) > 10 * ink(text_tile("word", 160))


def test_lines_are_no_wider_than_the_tile_and_lose_no_word() -> None:
    font, text = typeface(10), "some words and onewordthatislongerthanthewholelineofthetile end"
    lines = wrapped(text, font, 80)
    assert all(font.getlength(line) <= 80 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_text_that_does_not_fit_ends_in_an_ellipsis() -> None:
    lines = fitted("many words " * 50, typeface(10), 80, 3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert typeface(10).getlength(lines[-1]) <= 80


def test_long_runs_are_sampled_and_the_header_says_so() -> None:
    def header(outputs: int) -> Image.Image:
        lab = Lab()
        lab.run(["word"] * outputs, network="M", cycle=("text",))
        return picture(lab, max_steps=5).crop((0, 0, 200, 24))

    assert ink(header(5)) == 0
    assert ink(header(50)) > 0
    assert size_of(50, 1, max_steps=5)[0] < size_of(10, 1)[0]


@pytest.mark.parametrize(("outputs", "runs"), [(3, 60), (60, 3), (200, 1), (1, 200)])
def test_no_side_is_longer_than_the_limit(outputs: int, runs: int) -> None:
    width, height = size_of(outputs, runs, max_side=900, max_steps=1_000)
    assert max(width, height) <= 900


def test_why_a_run_stopped_is_told_in_its_colour() -> None:
    colours = {"length": (0, 114, 178), "loop": (213, 94, 0), "failed": (59, 63, 66), None: (138, 143, 148)}
    for stop, colour in colours.items():
        lab = Lab()
        lab.run(["a", "b", "a"], network="M", cycle=("text",), stop=stop, period=2, failure="no text")
        found = {shade for _, shade in picture(lab).getcolors(1 << 24) or []}
        assert colour in found
        assert not found & (set(colours.values()) - {colour})


def test_degenerate_outputs_have_a_frame() -> None:
    lab = Lab()
    lab.run([""], network="M", cycle=("text",))
    assert picture(lab).getpixel((16 + 256, 8 + 3 * 16)) == (213, 94, 0)


def test_the_smallest_tiles_still_have_labels() -> None:
    lab = small_lab()
    label = picture(lab, tile=24).crop((8, 30, 130, 60))
    assert ink(label) > 0


@pytest.mark.parametrize("lab", [Lab(), small_lab()], ids=["no runs", "a run without steps"])
def test_nothing_to_draw_is_no_error(lab: Lab) -> None:
    assert ink(picture(lab)) + 1 > 0
    assert picture(lab).size >= (1, 1)


def test_transparent_images_are_laid_on_white() -> None:
    assert thumbnail(Image.new("RGBA", (4, 2), (0, 0, 0, 0)), 8).getpixel((0, 0)) == WHITE
    assert thumbnail(Image.new("RGB", (4, 2)), 8).size == (8, 4)


def test_an_image_that_comes_again_is_loaded_once() -> None:
    lab, calls = Lab(), []
    lab.run(["same", "a", "same", "b"])
    frames = lab.frames()

    def load(sha256: str) -> Image.Image:
        calls.append(sha256)
        return lab.load_image(sha256)

    mosaic(frames.runs, frames.invocations, load)
    assert len(calls) == 1


def test_the_same_experiment_gives_the_same_pixels() -> None:
    assert picture(small_lab()).tobytes() == picture(small_lab()).tobytes()
