"""Images of strangers: told by their first bytes, bounded before they are decoded, kept pixel by pixel."""

from __future__ import annotations

import io

import pytest
from PIL import Image as pillow

from panic_tda.content import decode_image
from panic_tda.store.importing import image_data
from panic_tda.store.importing.image_data import picture
from panic_tda.store.importing.tally import Refusal
from support.earlier import encoded_image, image


def saved(made: pillow.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    made.save(buffer, form, **options)
    return buffer.getvalue()


def test_lossless_webp_is_kept_as_it_is() -> None:
    data = encoded_image(3)
    found = picture(data)
    assert found.image.pixels == image(3).tobytes()
    assert found.stored == data
    assert decode_image(data, "RGB") == found.image


def test_webp_with_more_in_the_file_is_encoded_anew() -> None:
    data = saved(image(3), "WEBP", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
    assert picture(data).image.pixels == image(3).tobytes()
    assert picture(data).stored is None
    assert picture(encoded_image(3) + b"more").stored is None


def test_avif_gives_the_pixels_it_decodes_to() -> None:
    data = encoded_image(5, "AVIF", side=32)
    with pillow.open(io.BytesIO(data)) as opened:
        assert picture(data).image.pixels == opened.convert("RGB").tobytes()
    assert picture(data).stored is None


def test_an_image_with_transparency_stays_so() -> None:
    data = saved(pillow.new("RGBA", (4, 4), (1, 2, 3, 4)), "WEBP", lossless=True)
    assert picture(data).image.mode == "RGBA"


def huge_webp() -> bytes:
    """A file that says it has 16383 x 16383 pixels, in a few bytes."""
    body = b"\x2f" + (16_382 | 16_382 << 14).to_bytes(4, "little") + bytes(20)
    chunk = b"VP8L" + len(body).to_bytes(4, "little") + body + b"\0"
    return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk


def film() -> bytes:
    return saved(image(1), "WEBP", lossless=True, save_all=True, append_images=[image(2)])


HOSTILE = {
    "too many pixels": (huge_webp(), "16383 x 16383 pixels"),
    "cut off": (encoded_image(3)[:40], "does not decode"),
    "cut off in its header": (encoded_image(3)[:20], "cut off"),
    "a cut-off AVIF": (encoded_image(3, "AVIF")[:100], "does not decode"),
    "a film": (film(), "is a film"),
    "PNG": (saved(image(1), "PNG"), "neither WebP nor AVIF"),
    "a text": (b"hello", "neither WebP nor AVIF"),
    "nothing": (b"", "is empty"),
    "no binary data": ("RIFF", "not binary data"),
    "WebP of an unknown kind": (b"RIFF\x40\0\0\0WEBPVP8Z" + bytes(60), "no WebP that is known"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_images_are_refused_by_name(name: str) -> None:
    data, reason = HOSTILE[name]
    with pytest.raises(Refusal, match=reason):
        picture(data)


def test_the_pixels_of_avif_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_data, "MOST_PIXELS", 100)
    with pytest.raises(Refusal, match="16 x 16 pixels, more than 100"):
        picture(encoded_image(3, "AVIF"))
