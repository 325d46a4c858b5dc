"""What models exchange: texts and images, identified by their exact content.

The identity of a content is a SHA-256 over its kind and its exact value: the UTF-8 bytes of a text, or
mode, width, height and raw pixels of an image. Nothing lossy ever enters a hash, so two contents are
"the same" only when they are equal bit for bit.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from panic_tda.errors import SignatureError
from panic_tda.signature import Kind

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_CHANNELS = {"RGB": 3, "RGBA": 4}
_WEBP_LARGEST_SIDE = 16_383


@dataclass(frozen=True)
class Text:
    """A text. NUL and lone surrogates are refused, since no database stores them faithfully."""

    value: str

    def __post_init__(self) -> None:
        if fault := text_fault(self.value):
            raise SignatureError(fault)

    @property
    def kind(self) -> Kind:
        return Kind.TEXT

    @cached_property
    def sha256(self) -> str:
        """64 lower-case hex digits."""
        return hashlib.sha256(b"text\0" + self.value.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Image:
    """An image as raw pixels: ``mode`` RGB or RGBA, 8 bits a channel, rows from the top."""

    mode: str
    width: int
    height: int
    pixels: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.mode not in _CHANNELS:
            raise SignatureError(f"image mode {self.mode!r} is not RGB or RGBA")
        if not (0 < self.width <= _WEBP_LARGEST_SIDE and 0 < self.height <= _WEBP_LARGEST_SIDE):
            raise SignatureError(
                f"image of {self.width}x{self.height} pixels: each side must be 1 to {_WEBP_LARGEST_SIDE}"
            )
        expected = self.width * self.height * _CHANNELS[self.mode]
        if len(self.pixels) != expected:
            raise SignatureError(f"image has {len(self.pixels)} bytes of pixels, expected {expected}")

    @property
    def kind(self) -> Kind:
        return Kind.IMAGE

    @cached_property
    def sha256(self) -> str:
        """64 lower-case hex digits."""
        header = f"image\0{self.mode} {self.width} {self.height}\0".encode()
        digest = hashlib.sha256(header)
        digest.update(self.pixels)
        return digest.hexdigest()

    @classmethod
    def from_pillow(cls, image: PillowImage) -> Image:
        """Takes any Pillow image; modes other than RGB and RGBA are converted to RGB (or RGBA if transparent)."""
        if image.mode not in _CHANNELS:
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        return cls(image.mode, image.width, image.height, image.tobytes())

    def to_pillow(self) -> PillowImage:
        """A new Pillow image with the same mode and pixels."""
        from PIL import Image as pillow

        return pillow.frombytes(self.mode, (self.width, self.height), self.pixels)


Content: TypeAlias = Text | Image


def text_fault(value: str) -> str | None:
    """Why no database would store the text faithfully, or None."""
    if "\x00" in value:
        return "a text may not contain the NUL character"
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return "a text may not contain lone surrogates"
    return None


def encode_image(image: Image) -> bytes:
    """Lossless WebP, method 0: bit-exact, and the fastest to write of the formats everything opens."""
    buffer = io.BytesIO()
    image.to_pillow().save(buffer, "WEBP", lossless=True, method=0, quality=0, exact=True)
    return buffer.getvalue()


def decode_image(data: bytes, mode: str = "") -> Image:
    """The inverse of :func:`encode_image`, which needs the mode; without one, any format Pillow knows, as it is."""
    from PIL import Image as pillow

    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"  # Pillow would try five other formats first
    with pillow.open(io.BytesIO(data), formats=("WEBP",) if is_webp else None) as opened:
        return Image.from_pillow(opened.convert(mode) if mode not in ("", opened.mode) else opened)


def degeneracy(content: Content) -> str | None:
    """Why a content carries no information, or None: ``empty``, ``constant``, ``repetitive`` or ``non-printable``.

    An image is ``constant`` when all pixels are equal. A text is ``repetitive`` when it is one character, or
    one word, said three times or more.
    """
    if isinstance(content, Image):
        step = _CHANNELS[content.mode]
        first = content.pixels[:step]
        return "constant" if content.pixels == first * (len(content.pixels) // step) else None
    text = content.value.strip()
    if not text:
        return "empty"
    if not any(character.isprintable() and not character.isspace() for character in text):
        return "non-printable"
    words = text.split()
    if (len(words) >= 3 and len(set(words)) == 1) or (len(text) >= 3 and len(set("".join(words))) == 1):
        return "repetitive"
    return None
