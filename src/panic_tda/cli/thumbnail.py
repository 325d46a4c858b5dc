"""Images in a terminal: two pixels to a character cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.text import Text

_COLUMNS = 32
_MOST_ROWS = 128


def half_blocks(image: Image, columns: int = _COLUMNS) -> Text:
    """The image as rows of upper half blocks: foreground the upper pixel, background the lower one."""
    from rich.text import Text

    rows = min(_MOST_ROWS, max(2, round(columns * image.height / image.width / 2) * 2))
    small = image.convert("RGB").resize((columns, rows))
    text = Text()
    for y in range(0, rows, 2):
        for x in range(columns):
            text.append("▀", style=f"{_hex(small, x, y)} on {_hex(small, x, y + 1)}")
        text.append("\n")
    return text


def _hex(image: Image, x: int, y: int) -> str:
    red, green, blue = image.getpixel((x, y))  # type: ignore[misc]
    return f"#{red:02x}{green:02x}{blue:02x}"
