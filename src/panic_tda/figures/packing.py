"""How many runs share a frame: cells in columns and rows, and where picture and words stand in a cell."""

from __future__ import annotations

from typing import NamedTuple

from panic_tda.errors import RequestError
from panic_tda.figures.tiles import line_height

LEAST_SHARE = 0.8
"""Of the frame, that lies in cells which hold a run."""

_SMALLEST_CELL = 12
_SMALLEST_FRAME, _LARGEST_FRAME = 128, 8_192
_WORTH_OF_WORDLESS = 0.6
_CAPTION_SHARE, _CAPTION_LINES, _COLUMN_SHARE, _COLUMN_LETTERS = 0.16, 3, 0.28, 20


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: int
    top: int
    width: int
    height: int

    def moved(self, right: int, down: int) -> Box:
        """The same rectangle elsewhere."""
        return Box(self.left + right, self.top + down, self.width, self.height)


class Arrangement(NamedTuple):
    """Where the parts of a cell stand, from its upper left corner; a part without room is None.

    ``card`` is the room of picture and caption together, for a text in place of a picture. ``type`` is the size of
    the label, in pixels; captions may be as large as ``largest_type`` and as small as ``type`` of the packing.
    """

    picture: Box
    card: Box
    label: Box | None
    caption: Box | None
    type: int
    largest_type: int


class Packing(NamedTuple):
    """A frame of ``width`` × ``height`` pixels: a header, and under it ``columns`` × ``rows`` cells of one size."""

    width: int
    height: int
    runs: int
    columns: int
    rows: int
    cell_width: int
    cell_height: int
    aspect: float = 1.0

    @property
    def type(self) -> int:
        """Size in pixels of the smallest letters in which people still read a caption in a frame of this height."""
        return max(9, min(16, round(self.height / 108)))

    @property
    def header(self) -> int:
        """Height of the strip above the cells."""
        return _header(self.height)

    @property
    def share(self) -> float:
        """Share of the frame that lies in cells which hold a run."""
        return self.runs * self.cell_width * self.cell_height / (self.width * self.height)

    def cell(self, index: int) -> Box:
        """The place of the n-th run; what is left over after dividing is spread between the cells."""
        row, column = divmod(index, self.columns)
        left = column * self.width // self.columns
        top = self.header + row * (self.height - self.header) // self.rows
        return Box(left, top, self.cell_width, self.cell_height)

    @property
    def arrangement(self) -> Arrangement:
        """How each cell is divided."""
        return arrangement(self.cell_width, self.cell_height, self.type, self.height, self.aspect)


def packing(runs: int, width: int, height: int, aspect: float = 1.0) -> Packing:
    """The grid for ``runs`` runs in a frame of ``width`` × ``height`` pixels with the largest pictures.

    ``aspect`` is the width of most pictures divided by their height. At least ``LEAST_SHARE`` of the frame lies in
    cells which hold a run. Raises ``RequestError`` when a side is odd or out of bounds, or when the frame is too small
    for so many runs.
    """
    check_frame(width, height)
    if runs < 1:
        raise RequestError("there is no run to show")
    best, most = None, 0.0
    for columns in range(1, min(runs, width // _SMALLEST_CELL) + 1):
        rows = -(-runs // columns)
        cell = width // columns, (height - _header(height)) // rows
        if min(cell) < _SMALLEST_CELL:
            continue
        found = Packing(width, height, runs, columns, rows, *cell, aspect)
        if found.share >= LEAST_SHARE and (worth := _worth(found)) > most:
            best, most = found, worth
    if best is None:
        raise RequestError(
            f"{runs:,} runs do not fit a frame of {width}x{height} pixels",
            hint="choose a larger --resolution, or fewer experiments",
        )
    return best


def check_frame(width: int, height: int) -> None:
    """Raises ``RequestError`` unless both sides are even, as video with halved colours needs, and in bounds."""
    if width % 2 or height % 2:
        raise RequestError(f"a frame of {width}x{height} pixels: both sides must be even")
    if not all(_SMALLEST_FRAME <= side <= _LARGEST_FRAME for side in (width, height)):
        bounds = f"{_SMALLEST_FRAME} to {_LARGEST_FRAME:,}"
        raise RequestError(f"a frame of {width}x{height} pixels: both sides must be {bounds}")


def _header(height: int) -> int:
    return max(14, round(height / 30))


def _worth(found: Packing) -> float:
    """The width of the pictures; one without words is worth less than a smaller one with them."""
    parts = found.arrangement
    return _shown_width(parts.picture, found.aspect) * (1.0 if parts.caption else _WORTH_OF_WORDLESS)


def _shown_width(box: Box, aspect: float) -> float:
    """The width of a picture of this shape in the box."""
    return min(box.width, box.height * aspect)


def arrangement(width: int, height: int, smallest: int, frame_height: int, aspect: float = 1.0) -> Arrangement:
    """Divides a cell of ``width`` × ``height`` so that the picture is as large as legible words allow.

    The label stands on top, with a gap above and below; the caption under the picture, or beside it where that
    leaves the picture larger. A
    cell too small for letters of ``smallest`` pixels is all picture.
    """
    gap = max(1, min(width, height) // 40)
    inside = Box(gap, gap, width - 2 * gap, height - 2 * gap)
    if inside.width < 7 * smallest or inside.height < 6 * line_height(smallest):
        return Arrangement(inside, inside, None, None, smallest, smallest)
    letters = max(smallest, min(frame_height // 40, min(width, height) // 24))
    label = Box(inside.left, inside.top, inside.width, line_height(letters))
    top = label.top + label.height + gap
    card = Box(inside.left, top, inside.width, inside.top + inside.height - top)
    divided = (_under(card, smallest, gap, aspect), _beside(card, smallest, gap, aspect))
    picture, caption = max(divided, key=lambda boxes: _shown_width(boxes[0], aspect))
    return Arrangement(picture, card, label, caption, letters, max(smallest, frame_height // 16))


def _under(card: Box, smallest: int, gap: int, aspect: float) -> tuple[Box, Box]:
    words = max(_CAPTION_LINES * line_height(smallest), round(_CAPTION_SHARE * card.height))
    high = max(1, min(round(card.width / aspect), card.height - words - gap))
    picture = Box(card.left, card.top, card.width, high)
    return picture, Box(card.left, card.top + high + gap, card.width, card.height - high - gap)


def _beside(card: Box, smallest: int, gap: int, aspect: float) -> tuple[Box, Box]:
    words = max(round(_COLUMN_LETTERS * smallest * 0.6), round(_COLUMN_SHARE * card.width))
    wide = max(1, min(round(card.height * aspect), card.width - words - 2 * gap))
    picture = Box(card.left, card.top, wide, card.height)
    return picture, Box(card.left + wide + 2 * gap, card.top, card.width - wide - 2 * gap, card.height)
