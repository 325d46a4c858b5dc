"""Images as earlier implementations stored them: lossless WebP, or AVIF. What counts is their exact pixels."""

from __future__ import annotations

import io
from typing import NamedTuple

from panic_tda.content import Image
from panic_tda.errors import PanicError
from panic_tda.store.importing.tally import Refusal
from panic_tda.store.importing.values import refuse_oversize

MOST_PIXELS = 4096 * 4096
_HEADER = 30


class Picture(NamedTuple):
    """An image, and its bytes where they are lossless WebP and can be stored as they are."""

    image: Image
    stored: bytes | None


def picture(value: object) -> Picture:
    """Decodes an image of at most ``MOST_PIXELS``; its format is told by its first bytes, whatever else is said."""
    refuse_oversize(value, "its image")
    if not isinstance(value, bytes):
        raise Refusal("its image is not binary data")
    kind = _format(value)
    if kind == "WEBP":
        _check_size(*_webp_size(value))  # before the decoder makes room for it
    try:
        image = _decoded(value, kind)
    except Refusal:
        raise
    except PanicError as fault:
        raise Refusal(f"its image: {fault.message}") from fault
    except Exception as fault:  # an image library may raise anything on damaged bytes
        raise Refusal(f"its image does not decode: {fault}") from fault
    return Picture(image, value if kind == "WEBP" and _is_plain_lossless(value) else None)


def _format(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis", b"mif1"):
        return "AVIF"
    raise Refusal("its image is neither WebP nor AVIF" if data else "its image is empty")


def _decoded(data: bytes, kind: str) -> Image:
    from PIL import Image as pillow

    with pillow.open(io.BytesIO(data), formats=[kind]) as opened:
        _check_size(*opened.size)
        if getattr(opened, "n_frames", 1) > 1:
            raise Refusal("its image is a film")
        return Image.from_pillow(opened)


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise Refusal(f"its image has {width} x {height} pixels, more than {MOST_PIXELS:,}")


def _webp_size(data: bytes) -> tuple[int, int]:
    """The size that the header of a WebP file gives (RFC 9649)."""
    if len(data) < _HEADER:
        raise Refusal("its image is cut off")
    kind = data[12:16]
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise Refusal("its image is no WebP that is known")


def _is_plain_lossless(data: bytes) -> bool:
    """Whether the file is one lossless image and nothing else, so that its bytes are as good as ours."""
    chunk = int.from_bytes(data[16:20], "little")
    size = 20 + chunk + chunk % 2
    return data[12:16] == b"VP8L" and len(data) == size and int.from_bytes(data[4:8], "little") == size - 8
