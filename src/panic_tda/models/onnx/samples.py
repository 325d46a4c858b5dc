"""Built-in texts and pictures that exported and torch vectors are compared on."""

from __future__ import annotations

from panic_tda.content import Content, Image, Text
from panic_tda.signature import Kind

_TEXTS = (
    "A red apple.",
    "The ship left the harbour at dawn, and nobody on the quay waved.",
    "x",
    "Ein Hund läuft über die Straße; 12,5 % der Gäste schauen zu!",
    "def area(radius: float) -> float:\n    return 3.14159 * radius**2",
    "an oil painting of two lighthouses in a storm, dramatic light, detailed, muted colours " * 3,
    "again and again " * 800,
    "Prices fell sharply on Monday.",
)
_SIZES = ((96, 96), (64, 180), (333, 127), (40, 40), (512, 384), (17, 200))


def sample_contents(kind: Kind) -> list[Content]:
    """Texts from one letter to several thousand words, or pictures of different shapes, smooth and rough."""
    if kind is Kind.TEXT:
        return [Text(text) for text in _TEXTS]
    return [_picture(width, height, number) for number, (width, height) in enumerate(_SIZES)]


def _picture(width: int, height: int, number: int) -> Image:
    """Waves of colour with a grain; another one for each number."""
    import numpy as np

    down, across = np.mgrid[0:height, 0:width]
    waves = [np.sin((across * (band + 1 + number) + down * (number + 2)) / 40.0) for band in range(3)]
    grain = np.random.default_rng(number).normal(0.0, 0.2, (height, width, 3))
    shown = np.clip(127.5 * (1.0 + np.stack(waves, axis=-1) + grain), 0, 255).astype(np.uint8)
    return Image("RGB", width, height, shown.tobytes())
