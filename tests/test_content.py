from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow

from panic_tda.content import Image, Text, decode_image, degeneracy, encode_image
from panic_tda.errors import SignatureError
from panic_tda.signature import Kind

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")).map(Text)


@st.composite
def images(draw: st.DrawFn) -> Image:
    mode = draw(st.sampled_from(["RGB", "RGBA"]))
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    size = width * height * len(mode)
    return Image(mode, width, height, draw(st.binary(min_size=size, max_size=size)))


@given(texts, texts)
def test_texts_are_the_same_when_their_hashes_are(one: Text, other: Text) -> None:
    assert (one == other) == (one.sha256 == other.sha256)


@given(images(), images())
def test_images_are_the_same_when_their_hashes_are(one: Image, other: Image) -> None:
    assert (one == other) == (one.sha256 == other.sha256)


@given(images())
def test_the_codec_keeps_every_bit(image: Image) -> None:
    back = decode_image(encode_image(image), image.mode)
    assert back == image
    assert back.sha256 == image.sha256


@given(images())
def test_pillow_and_back_keeps_every_bit(image: Image) -> None:
    assert Image.from_pillow(image.to_pillow()) == image


def test_the_hash_of_a_text_is_over_its_kind_and_utf8_bytes() -> None:
    assert Text("été").sha256 == hashlib.sha256(b"text\0\xc3\xa9t\xc3\xa9").hexdigest()


def test_images_of_the_same_bytes_and_another_shape_or_mode_differ() -> None:
    pixels = bytes(24)
    shapes = [Image("RGB", 8, 1, pixels), Image("RGB", 1, 8, pixels), Image("RGB", 4, 2, pixels)]
    shapes.append(Image("RGBA", 6, 1, pixels))
    assert len({image.sha256 for image in shapes}) == 4


def test_images_one_grey_apart_differ() -> None:
    assert Image("RGB", 1, 1, b"\x20\xe0\xca").sha256 != Image("RGB", 1, 1, b"\x20\xe0\xcb").sha256


def test_kinds() -> None:
    assert Text("").kind is Kind.TEXT
    assert Image("RGB", 1, 1, b"abc").kind is Kind.IMAGE


@pytest.mark.parametrize(("value", "fault"), [("a\x00b", "NUL"), ("a\ud800", "surrogates")])
def test_texts_that_no_database_stores_are_refused(value: str, fault: str) -> None:
    with pytest.raises(SignatureError, match=fault):
        Text(value)


@pytest.mark.parametrize(
    ("mode", "width", "height", "size", "fault"),
    [
        ("L", 1, 1, 1, "not RGB or RGBA"),
        ("RGB", 0, 1, 0, "each side must be"),
        ("RGB", 1, 16_384, 49_152, "each side must be"),
        ("RGB", 2, 2, 11, "11 bytes of pixels, expected 12"),
        ("RGBA", 2, 2, 12, "12 bytes of pixels, expected 16"),
    ],
)
def test_impossible_images_are_refused(mode: str, width: int, height: int, size: int, fault: str) -> None:
    with pytest.raises(SignatureError, match=fault):
        Image(mode, width, height, bytes(size))


@pytest.mark.parametrize(("mode", "kept"), [("L", "RGB"), ("P", "RGB"), ("1", "RGB"), ("LA", "RGBA"), ("RGBA", "RGBA")])
def test_other_pillow_modes_become_rgb_or_keep_their_transparency(mode: str, kept: str) -> None:
    assert Image.from_pillow(pillow.new(mode, (2, 3))).mode == kept


def test_other_formats_are_read_too() -> None:
    buffer = io.BytesIO()
    pillow.new("RGB", (2, 3), (1, 2, 3)).save(buffer, "PNG")
    assert decode_image(buffer.getvalue()) == Image("RGB", 2, 3, bytes((1, 2, 3)) * 6)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\x01\x02", "non-printable"),
        ("!!!", "repetitive"),
        ("! ! ! !", "repetitive"),
        ("yes yes yes", "repetitive"),
        ("yes yes", None),
        ("!!", None),
        ("A red boat.", None),
    ],
)
def test_texts_without_information_are_told_apart(text: str, verdict: str | None) -> None:
    assert degeneracy(Text(text)) == verdict


def test_images_of_one_colour_are_constant() -> None:
    assert degeneracy(Image("RGB", 2, 2, b"abc" * 4)) == "constant"
    assert degeneracy(Image("RGB", 2, 2, b"abc" * 3 + b"abd")) is None
    assert degeneracy(Image("RGBA", 2, 1, b"abcdabcd")) == "constant"
