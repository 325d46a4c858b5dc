"""Small pictures: a thumbnail of an image, and a text set so that it can be read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from panic_tda.answers.words import printable

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage
    from PIL.ImageFont import FreeTypeFont

PAPER, PAPER_EDGE, INK, FAINT = "#FBF7EC", "#DDD5C0", "#22252A", "#6B7178"
_LARGEST_TYPE, _SMALLEST_TYPE = 16, 7
_LINE = 1.25


@lru_cache(maxsize=64)
def typeface(size: int, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, which matplotlib carries, so that a picture is the same on every machine."""
    from pathlib import Path

    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(
        Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size, layout_engine=ImageFont.Layout.BASIC
    )


def line_height(size: int) -> int:
    """Pixels from one line to the next."""
    return max(1, round(size * _LINE))


def wrapped(text: str, font: FreeTypeFont, width: float) -> list[str]:
    """The text in lines of at most ``width`` pixels, broken between words, or inside a word longer than a line."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if lines[-1] and font.getlength(lines[-1] + character) > width:
                lines.append("")
            lines[-1] += character
    return lines


def fitted(text: str, font: FreeTypeFont, width: float, most: int) -> list[str]:
    """At most ``most`` lines; the last ends in an ellipsis if the text goes on."""
    # No line holds more characters than its width in pixels, so a long text is cut before it is measured.
    lines = wrapped(text[: int(width + 1) * most], font, width)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and font.getlength(last + "…") > width:
        last = last[:-1]
    return [*lines[: most - 1], last + "…"]


def text_tile(text: str, side: int) -> PillowImage:
    """A square of paper with the text in the largest type that fits; the empty text is drawn as ``(empty)``."""
    from PIL import Image, ImageDraw

    tile = Image.new("RGB", (side, side), PAPER)
    draw = ImageDraw.Draw(tile)
    draw.rectangle((0, 0, side - 1, side - 1), outline=PAPER_EDGE)
    words, margin = printable(text), max(2, side // 16)
    size, lines = _set_in(words or "(empty)", side - 2 * margin)
    top = margin + (side - 2 * margin - len(lines) * line_height(size)) // 2
    for index, line in enumerate(lines):
        place = (margin, top + index * line_height(size))
        draw.text(place, line, font=typeface(size), fill=INK if words else FAINT)
    return tile


def _set_in(text: str, side: int) -> tuple[int, list[str]]:
    for size in range(max(_SMALLEST_TYPE, min(_LARGEST_TYPE, side // 8)), _SMALLEST_TYPE - 1, -1):
        most = max(1, side // line_height(size))
        lines = fitted(text, typeface(size), side, most)
        if not lines[-1].endswith("…") or text.endswith("…"):
            return size, lines
    return size, lines


def thumbnail(image: PillowImage, side: int) -> PillowImage:
    """The whole image inside a square of ``side``, on white where it is transparent, in RGB."""
    from PIL import Image

    shrink = side / max(image.size)
    size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
    small = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS if shrink < 1 else Image.Resampling.NEAREST)
    flat = Image.new("RGB", size, "white")
    flat.paste(small, mask=small.getchannel("A"))
    return flat
