"""One picture of an experiment: runs × steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.trajectory import Run, Step, Trajectory, cycle_length, evenly, evenly_by_cycle, trajectories
from panic_tda.answers.words import count, number_name, prompt_name, seed_name, stop_reason, stop_words
from panic_tda.figures.drawing import STOP_COLOURS, VERMILLION
from panic_tda.figures.tiles import FAINT, INK, fitted, line_height, text_tile, thumbnail, typeface

if TYPE_CHECKING:
    import polars as pl
    from PIL.Image import Image as PillowImage
    from PIL.ImageDraw import ImageDraw

    from panic_tda.answers.trajectory import ImageLoader

_SMALLEST_TILE, _MARGIN = 24, 8


class _Layout(NamedTuple):
    tile: int
    rows: int
    columns: tuple[int, ...]

    @property
    def gap(self) -> int:
        return max(2, self.tile // 24)

    @property
    def type(self) -> int:
        return max(8, min(13, self.tile // 11))

    @property
    def label(self) -> int:
        return max(132, round(1.6 * self.tile))

    @property
    def header(self) -> int:
        return _MARGIN + 3 * line_height(self.type)

    def left(self, column: int) -> int:
        """Left edge of a column; where steps were left out, the gap is wider."""
        jumps = sum(after > before + 1 for before, after in zip(self.columns[:column], self.columns[1:], strict=False))
        return 2 * _MARGIN + self.label + column * (self.tile + self.gap) + jumps * 3 * self.gap

    def top(self, row: int) -> int:
        return self.header + row * (self.tile + self.gap)

    @property
    def size(self) -> tuple[int, int]:
        badge = max(self.tile, 110)
        return self.left(len(self.columns)) + badge + _MARGIN, self.top(max(1, self.rows)) + _MARGIN


def mosaic(
    runs: pl.DataFrame,
    invocations: pl.DataFrame,
    load_image: ImageLoader,
    *,
    left_out: int = 0,
    tile: int = 160,
    max_steps: int = 40,
    max_side: int = 16_000,
) -> PillowImage:
    """Draws every run as a row of tiles, one for each step, with its name on the left and its end on the right.

    Image steps are thumbnails, text steps are set as readable text. Where there are more than ``max_steps``
    steps, whole cycles evenly spread are drawn, and the header says so and numbers the steps. No side is longer
    than ``max_side`` pixels: tiles shrink from ``tile``, and below 24 pixels rows are left out, evenly, and counted.
    ``left_out`` is how many twins are not among the runs; the header says so.
    """
    from PIL import Image, ImageDraw

    found = trajectories(runs, invocations)
    layout = _fit(found, tile, max_steps, max_side)
    shown = [found[index] for index in evenly(len(found), layout.rows)]
    picture = Image.new("RGB", layout.size, "white")
    draw = ImageDraw.Draw(picture)
    _draw_header(draw, layout, found, left_out)
    cache: dict[tuple[str, str], PillowImage] = {}
    for row, trajectory in enumerate(shown):
        _draw_label(draw, layout, row, trajectory.run)
        places = _draw_tiles(picture, draw, layout, row, trajectory, load_image, cache)
        _draw_end(draw, layout, row, places, trajectory)
    return picture


def _fit(found: Sequence[Trajectory], tile: int, max_steps: int, max_side: int) -> _Layout:
    """The largest tile up to ``tile`` with which everything fits; then fewer columns, then fewer rows."""
    steps = 1 + max((each.steps[-1].sequence_number for each in found if each.steps), default=-1)
    cycle = max(map(cycle_length, found), default=1)
    most = max(1, max_side // _SMALLEST_TILE)
    tile, limit, rows = max(tile, _SMALLEST_TILE), max(1, min(max_steps, most)), min(len(found), most)
    while True:
        layout = _Layout(tile, rows, tuple(evenly_by_cycle(steps, cycle, limit)))
        width, height = layout.size
        if (width <= max_side or limit == 1) and (height <= max_side or rows <= 1):
            return layout
        if tile > _SMALLEST_TILE:
            tile -= 1
        elif width > max_side and limit > 1:
            limit = min(limit, len(layout.columns)) - 1
        else:
            rows -= 1


def _draw_header(draw: ImageDraw, layout: _Layout, found: Sequence[Trajectory], left_out: int) -> None:
    steps = 1 + max((each.steps[-1].sequence_number for each in found if each.steps), default=-1)
    parts = []
    if len(layout.columns) < steps:
        parts.append(f"{len(layout.columns)} of {steps:,} steps shown")
    if layout.rows < len(found):
        parts.append(f"{layout.rows} of {len(found):,} runs shown")
    if left_out:
        parts.append(f"{count(left_out, 'twin')} left out")
    note = "; ".join(parts) or ("" if found else "No runs")
    draw.text((_MARGIN, _MARGIN), note, font=typeface(layout.type), fill=FAINT)
    baseline, bold = layout.header - line_height(layout.type) - 2, typeface(layout.type, bold=True)
    if layout.columns:
        draw.text((_MARGIN + layout.label, baseline), "step", font=bold, fill=FAINT, anchor="ra")
    free = 0.0
    for column, step in enumerate(layout.columns):
        centre, wide = layout.left(column) + layout.tile / 2, bold.getlength(f"{step} ")
        if centre - wide / 2 >= free:
            draw.text((centre, baseline), str(step), font=bold, fill=INK, anchor="ma")
            free = centre + wide / 2


def _draw_label(draw: ImageDraw, layout: _Layout, row: int, run: Run) -> None:
    """Network in bold, prompt, seed; the prompt gives way where there is little room."""
    plain, bold = typeface(layout.type), typeface(layout.type, bold=True)
    room = max(2, layout.tile // line_height(layout.type))
    seed = seed_name(run) + (f", {number_name(run)}" if run.run_number else "")
    network = fitted(run.network, bold, layout.label, max(1, (room - 1) // 2))
    lines = [(line, bold, INK) for line in network]
    if room > 2:
        prompt = fitted(prompt_name(run, 400), plain, layout.label, room - 1 - len(network))
        lines += [(line, plain, INK) for line in prompt] + [(seed, plain, FAINT)]
    else:
        lines += [(fitted(f"{seed}, {prompt_name(run)}", plain, layout.label, 1)[0], plain, INK)]
    top = layout.top(row) + (layout.tile - len(lines) * line_height(layout.type)) // 2
    for index, (line, font, fill) in enumerate(lines):
        draw.text((_MARGIN, top + index * line_height(layout.type)), line, font=font, fill=fill)


def _draw_tiles(
    picture: PillowImage,
    draw: ImageDraw,
    layout: _Layout,
    row: int,
    trajectory: Trajectory,
    load_image: ImageLoader,
    cache: dict[tuple[str, str], PillowImage],
) -> int:
    """Draws the steps of one run and returns the number of the first column after them."""
    steps = {step.sequence_number: step for step in trajectory.steps}
    after, loop = 0, trajectory.loop_start
    for column, number in enumerate(layout.columns):
        if number not in steps:
            continue
        left, top, after = layout.left(column), layout.top(row), column + 1
        small = _tile(steps[number], layout.tile, load_image, cache)
        picture.paste(small, (left + (layout.tile - small.width) // 2, top + (layout.tile - small.height) // 2))
        if loop is not None and number >= loop:
            draw.rectangle((left, top + layout.tile, left + layout.tile - 1, top + layout.tile + 1), fill=VERMILLION)
        if steps[number].degenerate:
            draw.rectangle((left, top, left + layout.tile - 1, top + layout.tile - 1), outline=VERMILLION, width=2)
    return after


def _tile(step: Step, side: int, load_image: ImageLoader, cache: dict[tuple[str, str], PillowImage]) -> PillowImage:
    key = (step.type, step.sha256)
    if key not in cache:
        image = step.type == "image"
        cache[key] = thumbnail(load_image(step.sha256), side) if image else text_tile(step.text or "", side)
    return cache[key]


def _draw_end(draw: ImageDraw, layout: _Layout, row: int, column: int, trajectory: Trajectory) -> None:
    """Why the run stopped, beside a bar in the colour of the reason, right after its last tile."""
    left, top = layout.left(column) + layout.gap, layout.top(row)
    colour = STOP_COLOURS.get(stop_reason(trajectory.run), FAINT)
    draw.rectangle((left, top, left + 3, top + layout.tile - 1), fill=colour)
    words = stop_words(trajectory)
    if trajectory.run.failure:
        words += f": {trajectory.run.failure}"
    font, room = typeface(layout.type, bold=True), max(1, layout.tile // line_height(layout.type))
    lines = fitted(words, font, max(layout.tile, 110) - 12, room)
    start = top + (layout.tile - len(lines) * line_height(layout.type)) // 2
    for index, line in enumerate(lines):
        draw.text((left + 9, start + index * line_height(layout.type)), line, font=font, fill=colour)
