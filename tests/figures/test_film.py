"""What the frames of a film show: every run at every step, never a blank."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from panic_tda.answers.trajectory import Run, Trajectory, trajectories
from panic_tda.figures.film import State, beginning, film, following, heading, labels
from panic_tda.figures.packing import Box, Packing, packing
from panic_tda.figures.tiles import contained
from panic_tda.store.steps import Made, Moment
from support.builders import Lab, sha

VERMILLION, BLUE, DARK = (213, 94, 0), (0, 114, 178), (59, 63, 66)
SIZE = (640, 360)


def moments(found: Sequence[Trajectory], length: int) -> Iterator[Moment]:
    """The steps of runs built by hand as the store gives them."""
    for number in range(length):
        made = [
            Made(each.run.run_id, number, step.model, step.type, step.text, step.sha256)
            for each in found
            for step in each.steps
            if step.sequence_number == number
        ]
        yield Moment(number, made)


def shown(lab: Lab, size: tuple[int, int] = SIZE) -> tuple[list[Image.Image], Packing, list[Run]]:
    """Every frame, the packing, and the runs in the order of their cells."""
    frames = lab.frames()
    found = trajectories(frames.runs, frames.invocations)
    length = max(len(each.steps) for each in found)
    runs = [each.run for each in found]
    grid = packing(len(runs), *size)
    pictures = film(runs, moments(found, length), lab.load_image, grid, length=length)
    return [picture.copy() for picture in pictures], grid, runs


def part(frame: Image.Image, grid: Packing, index: int, name: str) -> Image.Image:
    """A part of the n-th cell."""
    box: Box = getattr(grid.arrangement, name)
    cell = grid.cell(index)
    left, top = cell.left + box.left, cell.top + box.top
    return frame.crop((left, top, left + box.width, top + box.height))


def ink(image: Image.Image, darker_than: int = 150) -> int:
    """Number of dark pixels."""
    return int((np.asarray(image.convert("L")) < darker_than).sum())


def colours(image: Image.Image) -> set[object]:
    return {colour for _, colour in image.getcolors(image.width * image.height) or []}


def small(key: str, lab: Lab, grid: Packing) -> Image.Image:
    box = grid.arrangement.picture
    return contained(lab.load_image(key), box.width, box.height)


def picture_is(frame: Image.Image, grid: Packing, index: int, image: Image.Image) -> bool:
    seen = part(frame, grid, index, "picture")
    left = (seen.width - image.width) // 2
    return seen.crop((left, 0, left + image.width, image.height)).tobytes() == image.tobytes()


def test_an_image_is_held_on_text_steps_and_its_caption_appears() -> None:
    lab = Lab()
    lab.run(["apple", "a red apple", "pear", "a green pear"], seed=1)
    frames, grid, _ = shown(lab)
    apple, pear = (small(sha(f"image {name}"), lab, grid) for name in ("apple", "pear"))
    assert [picture_is(frame, grid, 0, apple) for frame in frames] == [True, True, False, False]
    assert [picture_is(frame, grid, 0, pear) for frame in frames] == [False, False, True, True]
    captions = [part(frame, grid, 0, "caption") for frame in frames]
    assert all(ink(caption) > 30 for caption in captions)
    assert captions[0].tobytes() != captions[1].tobytes() != captions[2].tobytes() != captions[3].tobytes()


def test_a_twin_is_called_a_twin() -> None:
    lab = Lab()
    base = lab.run(["apple"], run_number=0)
    lab.run(["apple"], run_number=4, twin_of=base)
    frames = lab.frames()
    assert labels([each.run for each in trajectories(frames.runs, frames.invocations)]) == ["run 0", "twin 4"]


def test_a_text_that_was_there_before_is_fainter() -> None:
    lab = Lab()
    lab.run(["apple", "a red apple", "pear"], seed=1)
    frames, grid, _ = shown(lab)
    fresh, held = (part(frame, grid, 0, "caption") for frame in frames[1:])
    assert ink(fresh, 60) > 0
    assert ink(held, 60) == 0
    assert ink(held, 200) == pytest.approx(ink(fresh, 200), rel=0.25)


def test_a_run_of_texts_is_shown_as_texts() -> None:
    lab = Lab()
    lab.run(["a red apple", "an apple", "apple pie"], network="Echo", cycle=("text",))
    frames, grid, _ = shown(lab)
    cards = [part(frame, grid, 0, "card") for frame in frames]
    assert all(ink(card) > 100 for card in cards)
    assert len({card.tobytes() for card in cards}) == 3


def test_an_empty_text_is_named() -> None:
    lab = Lab()
    lab.run(["apple", "", "apple"], seed=1)
    frames, grid, _ = shown(lab)
    assert all(ink(part(frame, grid, 0, "caption")) > 30 for frame in frames)


def test_a_run_that_has_stopped_keeps_its_last_state_and_is_marked() -> None:
    lab = Lab()
    lab.run(["a", "b", "c", "d", "e", "f"], seed=1)
    lab.run(["x", "an x", "x", "an x"], seed=2, stop="loop", period=2)
    lab.run(["y", "a y"], seed=3, stop="failed", failure="no text")
    lab.run(["z", "a z"], seed=4)
    frames, grid, runs = shown(lab)
    assert [run.seed for run in runs] == [1, 2, 3, 4]
    marks = {2: VERMILLION, 3: DARK, 4: BLUE}
    for seed, first in ((2, 3), (3, 1), (4, 2)):
        seen = [marks[seed] in colours(part(frame, grid, seed - 1, "label")) for frame in frames]
        assert seen == [number >= first for number in range(6)]
        last = {part(frame, grid, seed - 1, "picture").tobytes() for frame in frames[first:]}
        assert len(last) == 1
        assert ink(part(frames[-1], grid, seed - 1, "caption"), 200) > 30
    assert not marks.keys() - {2, 3, 4}
    assert all(not colours(part(frame, grid, 0, "label")) & set(marks.values()) for frame in frames)


def test_a_run_without_a_step_shows_its_prompt() -> None:
    lab = Lab()
    lab.run(["apple", "a red apple"], seed=1)
    lab.run([], seed=2, stop="failed", failure="out of memory", prompt="a boat")
    frames, grid, runs = shown(lab)
    index = [run.prompt for run in runs].index("a boat")
    assert all(ink(part(frame, grid, index, "card")) > 50 for frame in frames)


def test_a_run_that_begins_with_an_image_shows_it() -> None:
    lab = Lab()
    key = sha("image start")
    lab.run(["a start"], network="Reader → Painter", cycle=("text", "image"), prompt_type="image", prompt_sha256=key)
    lab.images[key] = "start"
    frames, grid, _ = shown(lab)
    assert picture_is(frames[0], grid, 0, small(key, lab, grid))


def test_the_header_counts_the_steps() -> None:
    lab = Lab()
    lab.run(["apple", "a red apple", "pear", "a pear"])
    frames, grid, _ = shown(lab)
    headers = [frame.crop((0, 0, grid.width, grid.header)) for frame in frames]
    assert len({header.tobytes() for header in headers}) == 4
    done = [int((np.asarray(header)[-1] == BLUE).all(axis=1).sum()) for header in headers]
    assert done == [160, 320, 480, 640]


def test_images_are_loaded_once_while_they_are_shown() -> None:
    lab, calls = Lab(), []
    lab.run(["same", "a", "same", "b", "other", "c"], seed=1)
    lab.run(["same", "a"], seed=2)
    frames = lab.frames()
    found = trajectories(frames.runs, frames.invocations)

    def load(key: str) -> Image.Image:
        calls.append(key)
        return lab.load_image(key)

    for _ in film([each.run for each in found], moments(found, 6), load, packing(2, *SIZE), length=6):
        pass
    assert calls == [sha("image same"), sha("image other")]


def test_cells_too_small_for_words_are_all_picture() -> None:
    lab = Lab()
    for seed in range(60):
        lab.run(["apple", f"apple {seed}"], seed=seed, stop="loop" if seed == 7 else "length")
    frames, grid, _ = shown(lab, (320, 180))
    assert grid.arrangement.caption is None
    apple = small(sha("image apple"), lab, grid)
    assert all(picture_is(frame, grid, index, apple) for frame in frames for index in range(60) if index != 7)
    seventh = grid.cell(7)
    assert frames[-1].getpixel((seventh.left, seventh.top)) == VERMILLION


@pytest.mark.parametrize("words", ["word " * 500, "x" * 3_000, "日本 🍎 \x1b[31m", "\n\n"])
def test_no_caption_leaves_its_room(words: str) -> None:
    lab = Lab()
    lab.run(["apple", words, "apple", "short"], seed=1)
    frames, grid, _ = shown(lab)
    before, after = frames[0], frames[1]
    box, cell = grid.arrangement.caption, grid.cell(0)
    assert box
    blank = Image.new("RGB", (box.width, box.height))
    for frame in (before, after):
        frame.paste(blank, (cell.left + box.left, cell.top + box.top))
    below = (0, grid.header, grid.width, grid.height)
    assert before.crop(below).tobytes() == after.crop(below).tobytes()


def test_labels_tell_what_differs_and_the_heading_what_does_not() -> None:
    lab = Lab()
    lab.run([], seed=7)
    lab.run([], seed=8, prompt="a boat")
    lab.run([], seed=8, prompt="a boat", run_number=1)
    runs = [each.run for each in trajectories(*lab.frames()[:2])]
    assert heading(runs) == "Glyph → RapidOCR · 3 runs"
    assert labels(runs) == [
        "seed 8 · run 0 · “a boat”",
        "seed 8 · run 1 · “a boat”",
        "seed 7 · run 0 · “a red apple”",
    ]
    assert heading(runs[2:]) == "“a red apple” · Glyph → RapidOCR · seed 7"
    assert labels(runs[2:]) == [""]


def test_states_follow_from_what_was_made() -> None:
    lab = Lab()
    lab.run(["a", "b", "c"], stop="loop", prompt="start")
    [run] = [each.run for each in trajectories(*lab.frames()[:2])]
    image, text = (Made(run.run_id, 0, "M", kind, words, "key") for kind, words in (("image", None), ("text", "said")))
    first = following(beginning(run), run, image, 0)
    assert first == State("key", "start")
    assert following(first, run, text, 1) == State("key", "said", fresh=True)
    assert following(first, run, text, 2) == State("key", "said", fresh=True, ended=True)
    assert following(State("key", "said", fresh=True), run, None, 5) == State("key", "said", ended=True)


def test_the_same_runs_give_the_same_frames() -> None:
    lab = Lab()
    lab.run(["apple", "a red apple"], seed=1)
    assert [frame.tobytes() for frame in shown(lab)[0]] == [frame.tobytes() for frame in shown(lab)[0]]


_LONG_FILM = """
import itertools, resource, sys
from pathlib import Path
from PIL import Image
from panic_tda.answers.trajectory import Run
from panic_tda.figures.film import film
from panic_tda.figures.packing import packing
from panic_tda.figures.video import write_video
from panic_tda.store.steps import Made, Moment

SIZE, RUNS = (192, 128), 2
grid = packing(RUNS, *SIZE)

def steps(length):
    for number in range(length):
        kind = "text" if number % 2 else "image"
        text = f"caption {number} " * 20 if number % 2 else None
        keys = [f"{length} {number} {run}" for run in range(RUNS)]
        yield Moment(number, [Made(str(run), number, "M", kind, text, key) for run, key in enumerate(keys)])

def load(key):
    length, number, run = map(int, key.split())
    return Image.new("RGB", (160, 160), (number % 256, run, 0))

def peak(length):
    runs = [Run(str(n), "M", "p", "p", "text", n, 0, length, length, "length", None, None) for n in range(RUNS)]
    pictures = film(runs, steps(length), load, grid, length=length)
    write_video(pictures, Path(sys.argv[1]), size=SIZE, fps=4, codec="h264", quality="draft")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 10 if sys.platform == "linux" else 1 << 20)

print(peak(60), peak(600))
"""


def test_a_film_ten_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    program = [sys.executable, "-c", _LONG_FILM, str(tmp_path / "film.mp4")]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    short, long = map(float, done.stdout.split())
    assert long - short < 8, "megabytes"
