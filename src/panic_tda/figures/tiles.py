"""Small pictures: a thumbnail of an image, and a text set so that it can be read."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from panic_tda.answers.words import printable

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

PAPER, PAPER_EDGE, INK, FAINT = "#FBF7EC", "#DDD5C0", "#22252A", "#6B7178"
EMPTY = "(empty)"
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
        if not lines[-1]:
            lines.pop()
        lines += _broken(word, font, width)
    return lines


def _broken(word: str, font: FreeTypeFont, width: float) -> list[str]:
    """A word in pieces of at most ``width`` pixels, or of one letter where that is wider."""
    pieces = []
    while word:
        lengths = range(1, min(len(word), int(width) + 1) + 1)
        fits = bisect_right(lengths, width, key=lambda letters: font.getlength(word[:letters]))
        pieces.append(word[: max(1, fits)])
        word = word[len(pieces[-1]) :]
    return pieces


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
    return text_card(text, side, side, largest=max(_SMALLEST_TYPE, min(_LARGEST_TYPE, side // 8)))


def text_card(
    text: str, width: int, height: int, *, largest: int = _LARGEST_TYPE, smallest: int = _SMALLEST_TYPE
) -> PillowImage:
    """A sheet of paper with the text in the largest type from ``largest`` down to ``smallest`` that fits."""
    from PIL import Image, ImageDraw

    card = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(card)
    draw.rectangle((0, 0, width - 1, height - 1), outline=PAPER_EDGE)
    words, margin = printable(text), max(2, min(width, height) // 16)
    room = height - 2 * margin
    size, lines = text_block(words or EMPTY, width - 2 * margin, room, largest=largest, smallest=smallest)
    top = margin + (room - len(lines) * line_height(size)) // 2
    write_lines(draw, margin, top, size, lines, INK if words else FAINT)
    return card


def text_block(text: str, width: int, height: int, *, largest: int, smallest: int) -> tuple[int, list[str]]:
    """The largest type from ``largest`` down to ``smallest`` in which the text fits, and its lines in that type.

    What does not fit even in the smallest ends in an ellipsis.
    """
    size = largest
    while True:
        lines = fitted(text, typeface(size), width, max(1, height // line_height(size)))
        if size <= smallest or not lines[-1].endswith("…") or text.endswith("…"):
            return size, lines
        size = max(smallest, min(size - 1, round(0.94 * size)))


def write_lines(draw: ImageDraw, left: int, top: int, size: int, lines: list[str], fill: str) -> None:
    """Writes lines under each other."""
    for index, line in enumerate(lines):
        draw.text((left, top + index * line_height(size)), line, font=typeface(size), fill=fill)


def thumbnail(image: PillowImage, side: int) -> PillowImage:
    """The whole image inside a square of ``side``, on white where it is transparent, in RGB."""
    return contained(image, side, side)


def contained(image: PillowImage, width: int, height: int) -> PillowImage:
    """The whole image, as large as it can be inside ``width`` × ``height``, on white where it is transparent, in RGB.

    Smooth, but enlarged three times or more each pixel stays a sharp square.
    """
    from PIL import Image

    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    method = Image.Resampling.LANCZOS if scale < 3 else Image.Resampling.NEAREST
    if image.mode == "RGB":
        return image.resize(size, method)
    small = image.convert("RGBA").resize(size, method)
    flat = Image.new("RGB", size, "white")
    flat.paste(small, mask=small.getchannel("A"))
    return flat
