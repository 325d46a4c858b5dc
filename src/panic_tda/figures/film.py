"""A film of all runs at once: every run a cell, every frame one step.

On a step that makes a text the last image stays, and the text is set under or beside it; a text that was there before
the step is set in a fainter ink. A run that has stopped keeps its last state and says why it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.trajectory import Run, Trajectory
from panic_tda.answers.words import count, number_name, printable, prompt_name, seed_name, stop_reason, stop_words
from panic_tda.figures.drawing import BLUE, STOP_COLOURS
from panic_tda.figures.packing import Box, Packing
from panic_tda.figures.tiles import (
    EMPTY,
    FAINT,
    INK,
    contained,
    fitted,
    line_height,
    text_block,
    text_card,
    typeface,
    write_lines,
)

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

    from panic_tda.answers.trajectory import ImageLoader
    from panic_tda.store.steps import Made, Moment

_GROUND, _TRACK, _ON_COLOUR = "#FFFFFF", "#E3E5E8", "#FFFFFF"
_LETTERS = 140
"""Of a caption in the type that is preferred for its room."""
_REMEMBERED_BYTES, _MOST_REMEMBERED = 64 << 20, 256


class State(NamedTuple):
    """What a run shows: the key of an image, a text, whether the last step made that text, and whether it has ended."""

    picture: str | None
    words: str | None
    fresh: bool = False
    ended: bool = False


_NOTHING = State(None, None, ended=True, fresh=True)


def beginning(run: Run) -> State:
    """A run before its first step shows its prompt."""
    return State(run.prompt_sha256, None) if run.prompt_type == "image" else State(None, run.prompt)


def following(state: State, run: Run, made: Made | None, number: int) -> State:
    """The state after the step of that number, in which the run made something or nothing.

    A loop or failure is told with the last step, any other end after it.
    """
    if made and made.type == "image":
        state = State(made.sha256, state.words)
    elif made:
        state = State(state.picture, made.text or "", fresh=True)
    else:
        state = state._replace(fresh=False)
    told_early = run.stop_reason in ("loop", "failed")
    return state._replace(ended=number >= run.length - (1 if told_early else 0))


def film(
    runs: Sequence[Run], moments: Iterable[Moment], load_image: ImageLoader, packing: Packing, *, length: int
) -> Iterator[PillowImage]:
    """One frame for each of ``length`` moments; the runs in the order in which they are given.

    Every frame is the same picture drawn further: use it before asking for the next. Only what changes is drawn, and
    no more than a few hundred small images are kept, so that memory does not grow with the length.
    """
    screen = _Screen(runs, load_image, packing)
    for moment in moments:
        made = {each.run_id: each for each in moment.made}
        for index, run in enumerate(runs):
            before = screen.states[index]
            after = following(before, run, made.get(run.run_id), moment.sequence_number)
            if after != before:
                screen.change(index, after)
        models = {each.model for each in moment.made}
        screen.count(moment.sequence_number, length, models.pop() if len(models) == 1 else "")
        yield screen.picture


class _Screen:
    """The frame that is drawn further from moment to moment."""

    def __init__(self, runs: Sequence[Run], load_image: ImageLoader, packing: Packing) -> None:
        from PIL import Image, ImageDraw

        self.picture = Image.new("RGB", (packing.width, packing.height), _GROUND)
        self.states = [_NOTHING for _ in runs]
        self._draw = ImageDraw.Draw(self.picture)
        self._packing, self._parts = packing, packing.arrangement
        self._runs = runs
        self._small = _small_images(load_image, self._parts.picture)
        self._heading, self._labels = heading(runs), labels(runs)
        for index, run in enumerate(runs):
            self.change(index, beginning(run))

    def change(self, index: int, after: State) -> None:
        """Draws what is new in a cell."""
        before, self.states[index] = self.states[index], after
        begins = before == _NOTHING
        if after.picture is None:
            if begins or after.words != before.words:
                self._draw_card(index, after.words or "")
        else:
            if after.picture != before.picture:
                self._draw_picture(index, after.picture, first=before.picture is None)
            if before.picture is None or (after.words, after.fresh) != (before.words, before.fresh):
                self._draw_caption(index, after)
        if begins or after.ended != before.ended:
            self._draw_label(index, ended=after.ended)

    def count(self, number: int, length: int, model: str) -> None:
        """Draws the header: what all runs share, which model made this step, its number, and how far the film is."""
        packing = self._packing
        size, bar = max(8, packing.header // 2), max(2, packing.header // 12)
        top = (packing.header - bar - line_height(size)) // 2
        self._clear(Box(0, 0, packing.width, packing.header))
        font, bold, margin = typeface(size), typeface(size, bold=True), size // 2
        counter = f"step {number:,} / {length - 1:,}"
        widest = bold.getlength(f"step {length - 1:,} / {length - 1:,}")
        self._draw.text((packing.width - margin - widest, top), counter, font=bold, fill=INK)
        room = packing.width - 4 * margin - widest
        maker = fitted(model, font, room / 3, 1)[0]
        self._draw.text((packing.width - 3 * margin - widest, top), maker, font=font, fill=FAINT, anchor="ra")
        room -= font.getlength(maker) + 2 * margin
        if room > 0:
            self._draw.text((margin, top), fitted(self._heading, font, room, 1)[0], font=font, fill=INK)
        self._fill(Box(0, packing.header - bar, packing.width, bar), _TRACK)
        self._fill(Box(0, packing.header - bar, packing.width * (number + 1) // length, bar), BLUE)

    def _box(self, index: int, part: Box) -> Box:
        cell = self._packing.cell(index)
        return Box(cell.left + part.left, cell.top + part.top, part.width, part.height)

    def _fill(self, box: Box, colour: str) -> None:
        if box.width > 0 and box.height > 0:
            self._draw.rectangle(_corners(box), fill=colour)

    def _clear(self, box: Box) -> None:
        self._fill(box, _GROUND)

    def _draw_label(self, index: int, *, ended: bool) -> None:
        """What tells the run from the others; of one that has ended also why, in the colour of the reason."""
        cell, run, fill, words = self._packing.cell(index), self._runs[index], FAINT, self._labels[index]
        if ended:
            colour, edge = STOP_COLOURS[stop_reason(run)], max(2, min(4, self._parts.picture.left))
            self._draw.rectangle(_corners(cell), outline=colour, width=edge)
            reason = stop_words(Trajectory(run, ())) + (f": {printable(run.failure)}" if run.failure else "")
            fill, words = _ON_COLOUR, " · ".join(filter(None, (reason, words)))
        if self._parts.label is None:
            return
        box, size = self._box(index, self._parts.label), self._parts.type
        if ended:
            self._fill(Box(cell.left, cell.top, cell.width, box.height + 2 * (box.top - cell.top)), colour)
        self._draw.text(
            (box.left, box.top), fitted(words, typeface(size), box.width, 1)[0], font=typeface(size), fill=fill
        )

    def _draw_picture(self, index: int, key: str, *, first: bool) -> None:
        box, small = self._box(index, self._parts.picture), self._small(key)
        if first:  # there was a card
            self._clear(self._box(index, self._parts.card))
        elif small.size != (box.width, box.height):
            self._clear(box)
        self.picture.paste(small, (box.left + (box.width - small.width) // 2, box.top))

    def _draw_card(self, index: int, words: str) -> None:
        box = self._box(index, self._parts.card)
        smallest = self._packing.type if self._parts.label else 7
        card = text_card(words, box.width, box.height, largest=max(smallest, self._type(box)), smallest=smallest)
        self.picture.paste(card, (box.left, box.top))

    def _draw_caption(self, index: int, state: State) -> None:
        from PIL import Image, ImageDraw

        if self._parts.caption is None:
            return
        box = self._box(index, self._parts.caption)
        paper = Image.new("RGB", (box.width, box.height), _GROUND)  # what letters overhang is cut off
        if state.words is not None:
            words = printable(state.words)
            smallest = self._packing.type
            size, lines = _block(words or EMPTY, box.width, box.height, max(smallest, self._type(box)), smallest)
            write_lines(ImageDraw.Draw(paper), 0, 0, size, lines, INK if state.fresh and words else FAINT)
        self.picture.paste(paper, (box.left, box.top))

    def _type(self, box: Box) -> int:
        """The type in which a caption of usual length fills its room."""
        return min(self._parts.largest_type, int((box.width * box.height / (0.75 * _LETTERS)) ** 0.5))


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.left, box.top, box.left + box.width - 1, box.top + box.height - 1


def heading(runs: Sequence[Run]) -> str:
    """What all runs have in common, and how many they are if there are several."""
    parts = zip(*map(_parts_of_name, runs), strict=True)
    common = [values[0] for values in parts if len(set(values)) == 1 and values[0] != "run 0"]
    return " · ".join([*reversed(common), *([count(len(runs), "run")] if len(runs) > 1 else [])])


def labels(runs: Sequence[Run]) -> list[str]:
    """For each run what tells it from the others, the seed first, since a prompt is long."""
    parts = [_parts_of_name(run) for run in runs]
    differ = [len(set(values)) > 1 for values in zip(*parts, strict=True)]
    return [" · ".join(part for part, told in zip(each, differ, strict=True) if told) for each in parts]


def _parts_of_name(run: Run) -> tuple[str, str, str, str]:
    return seed_name(run), number_name(run), run.network, prompt_name(run, 400)


def _small_images(load_image: ImageLoader, box: Box) -> Callable[[str], PillowImage]:
    most = max(1, min(_MOST_REMEMBERED, _REMEMBERED_BYTES // (3 * box.width * box.height)))

    @lru_cache(maxsize=most)
    def small(key: str) -> PillowImage:
        return contained(load_image(key), box.width, box.height)

    return small


@lru_cache(maxsize=1024)
def _block(words: str, width: int, height: int, largest: int, smallest: int) -> tuple[int, list[str]]:
    return text_block(words, width, height, largest=largest, smallest=smallest)
