"""Contents made quickly: small, deterministic, told apart by a number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from panic_tda.content import Image, Text


def texts(*values: str) -> tuple[Text, ...]:
    """One text for each string."""
    return tuple(Text(value) for value in values)


def numbered(count: int, stem: str = "text") -> tuple[Text, ...]:
    """``text 0`` to ``text count-1``."""
    return tuple(Text(f"{stem} {number}") for number in range(count))


def image(number: int = 0, *, mode: str = "RGB", width: int = 5, height: int = 3) -> Image:
    """An image whose pixels are drawn from the number."""
    return Image(mode, width, height, noise(f"image {number}", width * height * len(mode)))


def noise(name: str, count: int) -> bytes:
    """As many bytes as asked for, the same ones for the same name."""
    return hashlib.shake_128(name.encode()).digest(count)


def values(contents: Iterable[object]) -> list[str]:
    """The strings of texts, for comparing; anything else by the name of its type."""
    return [content.value if isinstance(content, Text) else type(content).__name__ for content in contents]
