"""What a model is tried on: four sentences, or the same sentences as pictures of text."""

from __future__ import annotations

from collections.abc import Callable

from panic_tda.content import Content, Image, Text
from panic_tda.signature import Kind

_SENTENCES = (
    "A red apple lies on a wooden table.",
    "The ship left the harbour at dawn.",
    "Seven wolves cross a frozen lake, one behind the other, while the moon rises over the hills in the east.",
    "An old map of a city that never was.",
)
DISTINCT = len(_SENTENCES)


def trial_inputs(kind: Kind, count: int) -> tuple[Content, ...]:
    """As many contents of that kind, the same again after every ``DISTINCT``."""
    make: Callable[[str], Content] = Text if kind is Kind.TEXT else _picture
    return tuple(make(_SENTENCES[index % DISTINCT]) for index in range(count))


def _picture(sentence: str) -> Image:
    from PIL import Image as pillow
    from PIL import ImageDraw, ImageFont

    picture = pillow.new("RGB", (384, 160), "white")
    lines = [sentence[start : start + 40] for start in range(0, len(sentence), 40)]
    ImageDraw.Draw(picture).text((12, 40), "\n".join(lines), fill="black", font=ImageFont.load_default(18))
    return Image.from_pillow(picture)
