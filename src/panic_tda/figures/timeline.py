"""Runs as timelines: images and texts along a line, wrapped into rows, as a picture or as SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.trajectory import Run, Step, Trajectory, cycle_length, evenly_by_cycle
from panic_tda.answers.words import count, number_name, printable, prompt_name, seed_name, stop_reason, stop_words
from panic_tda.errors import RequestError
from panic_tda.figures.drawing import STOP_COLOURS, VERMILLION
from panic_tda.figures.packing import Box
from panic_tda.figures.tiles import (
    EMPTY,
    FAINT,
    INK,
    PAPER,
    PAPER_EDGE,
    contained,
    fitted,
    line_height,
    text_block,
    typeface,
)

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

    from panic_tda.answers.trajectory import ImageLoader

_TILE, _GAP, _MARGIN, _COLUMNS = 240, 16, 24, 7
_LOWEST, _HIGHEST = 120, 320
_NAME, _SMALL, _CARD, _SMALLEST = 20, 13, 17, 10
_LINE = "#9AA1A8"
_TALLEST, _MOST_STEPS = 16_000, 210
_SVG_SHARPNESS = 2


class Words(NamedTuple):
    """Lines of text under each other, from an upper left corner."""

    left: int
    top: int
    size: int
    lines: list[str]
    colour: str
    bold: bool = False


class Sheet(NamedTuple):
    """A rectangle, filled, or with an outline, or both."""

    box: Box
    fill: str | None
    outline: str | None = None
    edge: int = 1


class Picture(NamedTuple):
    """An image of the record, as large as it can be in a box, at its top in the middle."""

    box: Box
    key: str


Mark = Words | Sheet | Picture


class Timeline(NamedTuple):
    """What is drawn, in order, on white ground of a size in pixels."""

    width: int
    height: int
    marks: list[Mark]


def timeline(trajectories: Sequence[Trajectory], *, aspect: float = 1.0) -> Timeline:
    """Lays out runs under each other, each with its name, its start, and its steps along a line.

    ``aspect`` is the width of most images divided by their height. Of a long run whole cycles evenly spread are
    drawn, and its name says so. Raises ``RequestError`` when there is no run, or when there are too many for a picture.
    """
    high = max(_LOWEST, min(_HIGHEST, round(_TILE / aspect)))
    if not trajectories:
        raise RequestError("there is no run to show")
    rows_each = (_TALLEST - 2 * _MARGIN) // len(trajectories) - _head_height()
    most = rows_each // _row_height(high) * _COLUMNS - 1
    if most < 1:
        raise RequestError(
            f"{len(trajectories):,} runs are too many for a timeline", hint="name runs, or use panic-tda export mosaic"
        )
    marks: list[Mark] = []
    top = _MARGIN
    for each in trajectories:
        drawn, top = _band(each, top, high, min(most, _MOST_STEPS - 1))
        marks += drawn
    width = 2 * _MARGIN + _COLUMNS * _TILE + (_COLUMNS - 1) * _GAP
    return Timeline(width, top, marks)


def _head_height() -> int:
    return line_height(_NAME) + line_height(_SMALL) + _GAP + _MARGIN


def _row_height(high: int) -> int:
    return line_height(_SMALL) + 2 * _GAP + high + _GAP


def _band(trajectory: Trajectory, top: int, high: int, most: int) -> tuple[list[Mark], int]:
    """One run from ``top`` on, and where the next begins."""
    steps = trajectory.steps
    chosen = evenly_by_cycle(len(steps), cycle_length(trajectory), most)
    marks = list(_head(trajectory, top, len(chosen)))
    top += _head_height() - _MARGIN
    stations: list[Step | None] = [None, *(steps[index] for index in chosen)]
    loop = trajectory.loop_start
    for index, step in enumerate(stations):
        row, column = divmod(index, _COLUMNS)
        left, line = _MARGIN + column * (_TILE + _GAP), top + row * _row_height(high) + line_height(_SMALL) + _GAP
        looping = loop is not None and step is not None and step.sequence_number >= loop
        last = index == len(stations) - 1
        skips = index > 1 and chosen[index - 1] > chosen[index - 2] + 1
        marks += _line(left, line, looping=looping, last=last, skips=skips)
        marks += _station(trajectory.run, step, left, line, high)
        if last:
            marks += _stop(trajectory, left, line, high)
    rows = -(-len(stations) // _COLUMNS)
    return marks, top + rows * _row_height(high) + _MARGIN


def _head(trajectory: Trajectory, top: int, shown: int) -> Iterator[Mark]:
    run, wide = trajectory.run, _COLUMNS * (_TILE + _GAP) - _GAP
    name = fitted(prompt_name(run, 1_000), typeface(_NAME, bold=True), wide, 1)
    yield Words(_MARGIN, top, _NAME, name, INK, bold=True)
    parts = [run.network, seed_name(run), number_name(run) if run.run_number else "", stop_words(trajectory)]
    if shown < len(trajectory.steps):
        parts.append(f"{shown} of {count(len(trajectory.steps), 'step')} shown")
    if run.failure:
        parts.append(printable(run.failure))
    line = fitted(" · ".join(filter(None, parts)), typeface(_SMALL), wide, 1)
    yield Words(_MARGIN, top + line_height(_NAME), _SMALL, line, FAINT)


def _line(left: int, line: int, *, looping: bool, last: bool, skips: bool) -> Iterator[Mark]:
    """The stretch of the line over one station, its dot, and three dots before it where steps are left out."""
    thick = 4 if looping else 2
    colour = VERMILLION if looping else _LINE
    wide = _TILE + (0 if last else _GAP)
    yield Sheet(Box(left, line - thick // 2, wide, thick), colour)
    if skips:
        yield Sheet(Box(left - _GAP, line - 2, _GAP, 4), "white")
        for dot in range(3):
            yield Sheet(Box(left - _GAP + 1 + 5 * dot, line - 1, 3, 3), _LINE)
    yield Sheet(Box(left, line - 5, 10, 10), colour)


def _station(run: Run, step: Step | None, left: int, line: int, high: int) -> Iterator[Mark]:
    """What stands over and under the line: number and model, image or text; without a step, the prompt."""
    name = f"{step.sequence_number} {step.model}" if step else "start"
    label = fitted(name, typeface(_SMALL, bold=True), _TILE, 1)
    yield Words(left, line - _GAP // 2 - line_height(_SMALL), _SMALL, label, INK if step else FAINT, bold=True)
    box = Box(left, line + _GAP, _TILE, high)
    kind, key, text = (step.type, step.sha256, step.text) if step else (run.prompt_type, run.prompt_sha256, run.prompt)
    if kind == "image":
        yield Picture(box, key)
        if step and step.degenerate:
            yield Sheet(box, None, VERMILLION, 2)
        return
    edge = VERMILLION if step and step.degenerate else PAPER_EDGE
    yield Sheet(box, PAPER, edge, 2 if step and step.degenerate else 1)
    words, margin = printable(text or ""), 12
    size, lines = text_block(words or EMPTY, _TILE - 2 * margin, high - 2 * margin, largest=_CARD, smallest=_SMALLEST)
    above = (high - len(lines) * line_height(size)) // 2
    yield Words(left + margin, box.top + above, size, lines, INK if words else FAINT)


def _stop(trajectory: Trajectory, left: int, line: int, high: int) -> Iterator[Mark]:
    """A bar after the last station, in the colour of the reason."""
    colour = STOP_COLOURS[stop_reason(trajectory.run)]
    yield Sheet(Box(left + _TILE + 4, line - 6, 5, high + _GAP + 6), colour)


def painted(drawn: Timeline, load_image: ImageLoader) -> PillowImage:
    """The timeline as a picture in RGB."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (drawn.width, drawn.height), "white")
    draw = ImageDraw.Draw(picture)
    for mark in drawn.marks:
        if isinstance(mark, Picture):
            small = contained(load_image(mark.key), mark.box.width, mark.box.height)
            picture.paste(small, (mark.box.left + (mark.box.width - small.width) // 2, mark.box.top))
        elif isinstance(mark, Sheet):
            left, top, width, height = mark.box
            corners = (left, top, left + width - 1, top + height - 1)
            draw.rectangle(corners, fill=mark.fill, outline=mark.outline, width=mark.edge)
        else:
            font = typeface(mark.size, bold=mark.bold)
            for index, line in enumerate(mark.lines):
                draw.text((mark.left, mark.top + index * line_height(mark.size)), line, font=font, fill=mark.colour)
    return picture


def svg(drawn: Timeline, load_image: ImageLoader, *, title: str) -> Iterator[str]:
    """The timeline as pieces of an SVG file, with text that stays text and images inside."""
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{drawn.width}" height="{drawn.height}"'
        f' viewBox="0 0 {drawn.width} {drawn.height}" font-family="DejaVu Sans, Verdana, sans-serif">\n'
        f'<title>{escape(printable(title))}</title>\n<rect width="100%" height="100%" fill="white"/>\n'
    )
    for mark in drawn.marks:
        if isinstance(mark, Picture):
            yield _svg_image(mark, load_image)
        elif isinstance(mark, Sheet):
            yield _svg_rectangle(mark)
        else:
            yield from _svg_lines(mark)
    yield "</svg>\n"


def _svg_image(mark: Picture, load_image: ImageLoader) -> str:
    image = load_image(mark.key)
    scale = _SVG_SHARPNESS
    fine = contained(image, scale * mark.box.width, scale * mark.box.height)
    buffer = io.BytesIO()
    fine.save(buffer, "PNG")
    width, height = fine.width / scale, fine.height / scale
    left = mark.box.left + (mark.box.width - width) / 2
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    place = f'x="{left:g}" y="{mark.box.top}" width="{width:g}" height="{height:g}"'
    return f'<image {place} href="data:image/png;base64,{data}"/>\n'


def _svg_rectangle(mark: Sheet) -> str:
    inset = mark.edge / 2 if mark.outline else 0  # an outline in SVG lies half outside
    left, top, width, height = mark.box
    place = f'x="{left + inset:g}" y="{top + inset:g}" width="{width - 2 * inset:g}" height="{height - 2 * inset:g}"'
    edge = f' stroke="{mark.outline}" stroke-width="{mark.edge}"' if mark.outline else ""
    return f'<rect {place} fill="{mark.fill or "none"}"{edge}/>\n'


def _svg_lines(mark: Words) -> Iterator[str]:
    ascent = typeface(mark.size, bold=mark.bold).getmetrics()[0]
    weight = ' font-weight="bold"' if mark.bold else ""
    for index, line in enumerate(mark.lines):
        baseline = mark.top + index * line_height(mark.size) + ascent
        place = f'x="{mark.left}" y="{baseline}" font-size="{mark.size}" fill="{mark.colour}"{weight}'
        yield f"<text {place}>{escape(line)}</text>\n"
