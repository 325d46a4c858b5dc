"""Runs along a line: what stands where, as a picture and as SVG."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from panic_tda.answers.trajectory import Trajectory, trajectories
from panic_tda.errors import RequestError
from panic_tda.figures.packing import Box
from panic_tda.figures.tiles import contained
from panic_tda.figures.timeline import Picture, Sheet, Timeline, Words, painted, svg, timeline
from support.builders import Lab, sha, small_lab

VERMILLION = "#D55E00"
SVG = "{http://www.w3.org/2000/svg}"


def runs_of(lab: Lab) -> list[Trajectory]:
    frames = lab.frames()
    return trajectories(frames.runs, frames.invocations)


def drawn(lab: Lab, **options: float) -> Timeline:
    return timeline(runs_of(lab), **options)


def said(found: Timeline) -> list[str]:
    return [line for mark in found.marks if isinstance(mark, Words) for line in mark.lines]


def one_run(outputs: list[str], **options: object) -> Lab:
    lab = Lab()
    lab.run(outputs, **options)  # type: ignore[arg-type]
    return lab


def boxes(found: Timeline) -> Iterator[Box]:
    for mark in found.marks:
        if isinstance(mark, Words):
            yield Box(mark.left, mark.top, 1, 1)
        else:
            yield mark.box


def test_a_run_begins_with_its_prompt_and_shows_each_step_with_number_and_model() -> None:
    found = drawn(one_run(["apple", "a red appie", "appie", "an appie"], prompt="a red apple"))
    assert said(found) == [
        "“a red apple”",
        "Glyph → RapidOCR · seed 42 · full length, 4 steps",
        *("start", "a red apple"),
        "0 Glyph",
        *("1 RapidOCR", "a red appie"),
        "2 Glyph",
        *("3 RapidOCR", "an appie"),
    ]
    pictures = [mark.key for mark in found.marks if isinstance(mark, Picture)]
    assert pictures == [sha("image apple"), sha("image appie")]


def test_a_long_run_wraps_into_rows_and_stays_inside_the_picture() -> None:
    found = drawn(one_run([f"w{number}" for number in range(30)]))
    starts = [mark for mark in found.marks if isinstance(mark, Words) and mark.lines[0].split(" ")[0].isdecimal()]
    assert len({mark.top for mark in starts}) == 5
    assert len({mark.left for mark in starts}) == 7
    assert all(box.left >= 0 and box.left + box.width <= found.width for box in boxes(found))
    assert all(box.top >= 0 and box.top + box.height <= found.height for box in boxes(found))


def test_of_a_very_long_run_whole_cycles_are_shown_and_the_rest_is_counted() -> None:
    found = drawn(one_run([f"w{number}" for number in range(1_000)]))
    assert any(line.endswith("208 of 1,000 steps shown") for line in said(found))
    numbers = [int(line.split(" ")[0]) for line in said(found) if line.split(" ")[0].isdecimal()]
    assert numbers[0] == 0
    assert numbers[-1] == 999
    assert all(after == before + 1 for before, after in zip(numbers[::2], numbers[1::2], strict=True))
    assert found.height <= 16_000


def test_the_loop_is_drawn_in_its_colour_from_where_it_begins() -> None:
    lab = one_run(["a", "b", "c", "d", "c", "d"], stop="loop", period=2)
    lines = [mark for mark in drawn(lab).marks if isinstance(mark, Sheet) and mark.box.height == 4]
    assert len(lines) == 4
    assert {mark.fill for mark in lines} == {VERMILLION}
    assert any("loop from step 2, period 2" in line for line in said(drawn(lab)))


def test_why_a_run_failed_is_said() -> None:
    found = drawn(one_run(["a"], stop="failed", failure="no text\nin the image"))
    assert any(line.endswith("failed after 1 step · no text in the image") for line in said(found))


def test_wide_images_make_low_rows() -> None:
    lab = one_run(["a", "b"])
    assert drawn(lab, aspect=2.0).height < drawn(lab).height < drawn(lab, aspect=0.5).height


def test_texts_fit_their_cards_or_end_in_an_ellipsis() -> None:
    found = drawn(one_run(["a", "word " * 400]))
    longest = max((mark for mark in found.marks if isinstance(mark, Words)), key=lambda mark: len(mark.lines))
    assert longest.lines[-1].endswith("…")
    assert longest.size == 10
    assert len(longest.lines) * 12 <= 240


def test_an_image_is_painted_in_its_place() -> None:
    lab = one_run(["apple"])
    found = drawn(lab)
    [picture] = [mark for mark in found.marks if isinstance(mark, Picture)]
    left, top, width, height = picture.box
    expected = contained(lab.load_image(picture.key), width, height)
    seen = painted(found, lab.load_image).crop((left, top, left + width, top + height))
    assert seen.tobytes() == expected.tobytes()


def test_an_svg_says_the_same_with_text_as_text_and_images_inside() -> None:
    lab = small_lab()
    found = drawn(lab)
    root = ET.fromstring("".join(svg(found, lab.load_image, title="runs < & >")))
    assert root.find(f"{SVG}title").text == "runs < & >"  # type: ignore[union-attr]
    assert [element.text for element in root.iter(f"{SVG}text")] == said(found)
    pictures = [mark for mark in found.marks if isinstance(mark, Picture)]
    images = list(root.iter(f"{SVG}image"))
    assert len(images) == len(pictures) > 3
    data = images[0].attrib["href"].removeprefix("data:image/png;base64,")
    with Image.open(io.BytesIO(base64.b64decode(data))) as inside:
        assert inside.size == (480, 480)
        expected = contained(lab.load_image(pictures[0].key), 480, 480)
        assert np.array_equal(np.asarray(inside), np.asarray(expected))


def test_words_that_mean_something_in_svg_are_escaped() -> None:
    lab = one_run(["a", "<script> & \x1b[31m ]]>"], prompt="a < b & c")
    root = ET.fromstring("".join(svg(drawn(lab), lab.load_image, title="t")))
    assert "<script> & ·[31m ]]>" in [element.text for element in root.iter(f"{SVG}text")]


def test_the_same_runs_give_the_same_bytes() -> None:
    lab = small_lab()
    assert list(svg(drawn(lab), lab.load_image, title="t")) == list(svg(drawn(lab), lab.load_image, title="t"))
    assert painted(drawn(lab), lab.load_image).tobytes() == painted(drawn(lab), lab.load_image).tobytes()


def test_too_few_and_too_many_runs_are_refused() -> None:
    with pytest.raises(RequestError, match="there is no run to show"):
        timeline([])
    lab = Lab()
    for seed in range(60):
        lab.run(["a"], seed=seed)
    with pytest.raises(RequestError, match="60 runs are too many for a timeline") as refused:
        drawn(lab)
    assert refused.value.hint == "name runs, or use panic-tda export mosaic"
