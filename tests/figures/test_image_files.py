"""Image files read back by other programs: their pixels, and the record inside."""

from __future__ import annotations

import io
import json
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import exifread
import numpy as np
import pytest
from PIL import Image as Pillow

from panic_tda import __version__
from panic_tda.content import Image
from panic_tda.figures.image_files import FORMATS, LOSSLESS, XMP_NAMESPACE, description, write_image
from panic_tda.store.images import MadeImage
from support.contents import image

MADE = MadeImage(
    experiment_id="0197-e",
    run_id="0197-r",
    network="Painter → Reader",
    prompt="ein “roter” Apfel <& 🍎",
    sequence_number=12,
    model="Painter",
    version="1+abc",
    seed=-1,
    input="a red apple",
    caption="a caption\nof two lines \x0b",
    sha256="ab" * 32,
)


def expected(made: MadeImage = MADE) -> dict[str, Any]:
    return {**made._asdict(), "software": f"panic-tda {__version__}"}


def tiff_in(path: Path) -> bytes:
    """The EXIF block of a file, from its first byte order mark on."""
    data = path.read_bytes()
    return data[min(data.index(mark) for mark in (b"II*\0", b"MM\0*") if mark in data) :]


def exif_of(path: Path) -> tuple[dict[str, Any], str]:
    """The record in UserComment, and ImageDescription, as exifread finds them.

    Of WebP and AVIF it knows not every way to hold EXIF, so there it is given the block alone.
    """
    alone = path.suffix in (".webp", ".avif")
    with io.BytesIO(tiff_in(path) if alone else path.read_bytes()) as file:
        tags = exifread.process_file(file, extract_thumbnail=False)
    return record_in(bytes(tags["EXIF UserComment"].values)), str(tags["Image ImageDescription"])


def record_in(comment: bytes) -> dict[str, Any]:
    assert comment.startswith(b"ASCII\0\0\0")
    record: dict[str, Any] = json.loads(comment[8:].decode("ascii"))
    return record


def long_comment(path: Path) -> bytes:
    """UserComment by the letter of TIFF 6.0, since exifread leaves out what is longer than 1,000 bytes."""
    block = tiff_in(path)
    order = "<" if block.startswith(b"II") else ">"

    def entries(place: int) -> dict[int, tuple[int, int]]:
        [count] = struct.unpack_from(f"{order}H", block, place)
        found = (struct.unpack_from(f"{order}HHII", block, place + 2 + 12 * index) for index in range(count))
        return {tag: (length, value) for tag, _, length, value in found}

    [first] = struct.unpack_from(f"{order}I", block, 4)
    length, place = entries(entries(first)[0x8769][1])[0x9286]
    return block[place : place + length]


def xmp_of(path: Path) -> ET.Element:
    """The packet, found by its marks in the bytes of the file, as other programs do."""
    packet = re.search(rb"<x:xmpmeta.*?</x:xmpmeta>", path.read_bytes(), re.DOTALL)
    assert packet
    return ET.fromstring(packet[0].decode("utf-8"))


def properties(path: Path) -> dict[str, str]:
    """What XMP says in our namespace."""
    return {
        element.tag.removeprefix(f"{{{XMP_NAMESPACE}}}"): element.text or ""
        for element in xmp_of(path).iter()
        if element.tag.startswith(f"{{{XMP_NAMESPACE}}}")
    }


def pixels(path: Path) -> Image:
    with Pillow.open(path) as opened:
        return Image(opened.mode, opened.width, opened.height, opened.tobytes())


@pytest.fixture(params=FORMATS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def write(content: Image, folder: Path, kind: str, made: MadeImage = MADE) -> Path:
    return write_image(content.to_pillow(), made, folder, kind)


def test_a_file_is_named_after_run_and_step_and_is_what_its_ending_says(tmp_path: Path, kind: str) -> None:
    path = write(image(1), tmp_path / "out", kind)
    assert path == tmp_path / "out" / f"0197-r-00012{FORMATS[kind]}"
    assert list(path.parent.iterdir()) == [path]
    with Pillow.open(path) as opened:
        assert opened.format == kind.upper()


def test_exif_has_the_whole_record(tmp_path: Path, kind: str) -> None:
    record, sentence = exif_of(write(image(1), tmp_path, kind))
    assert record == expected()
    assert sentence == description(MADE)


def test_xmp_has_the_whole_record(tmp_path: Path, kind: str) -> None:
    path = write(image(1), tmp_path, kind)
    told = {name: str(value) for name, value in expected().items()}
    assert properties(path) == told | {"caption": "a caption\nof two lines \ufffd"}
    [sentence] = [element.text for element in xmp_of(path).iter() if element.tag.endswith("}li")]
    assert sentence == description(MADE)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("kind", LOSSLESS)
def test_png_and_webp_keep_every_pixel(tmp_path: Path, kind: str, mode: str) -> None:
    content = image(3, mode=mode, width=37, height=23)
    assert pixels(write(content, tmp_path, kind)) == content


@pytest.mark.parametrize("kind", ["avif", "jpeg"])
def test_avif_and_jpeg_stay_close(tmp_path: Path, kind: str) -> None:
    gradient = Pillow.linear_gradient("L").resize((64, 64)).convert("RGB")
    path = write_image(gradient, MADE, tmp_path, kind)
    with Pillow.open(path) as opened:
        far = np.abs(np.asarray(opened.convert("RGB"), int) - np.asarray(gradient, int))
    assert far.max() < 12


def test_jpeg_lays_what_is_transparent_on_white(tmp_path: Path) -> None:
    path = write(Image("RGBA", 16, 16, bytes((9, 9, 9, 0)) * 256), tmp_path, "jpeg")
    assert pixels(path).pixels[:3] == b"\xff\xff\xff"


def test_a_run_that_ended_with_the_image_has_no_caption(tmp_path: Path, kind: str) -> None:
    path = write(image(1), tmp_path, kind, MADE._replace(caption=None))
    assert "caption" not in properties(path)
    assert "then read as" not in description(MADE._replace(caption=None))


@pytest.mark.parametrize("sign", ["a", "é", "🍎", "\x01"])
def test_texts_too_long_for_jpeg_are_cut_and_the_rest_of_the_record_stays(tmp_path: Path, sign: str) -> None:
    long = MADE._replace(prompt=sign * 100_000, caption=sign * 100_000, input="short")
    path = write(image(1), tmp_path, "jpeg", long)
    record = record_in(long_comment(path))
    assert record["prompt"].startswith(sign * 100)
    assert record["prompt"].endswith("…")
    assert record == expected(long) | {name: record[name] for name in ("prompt", "caption")}
    assert properties(path)["sha256"] == long.sha256


@pytest.mark.parametrize("kind", LOSSLESS)
def test_no_text_is_too_long_for_png_and_webp(tmp_path: Path, kind: str) -> None:
    long = MADE._replace(caption="wörd " * 50_000)
    path = write(image(1), tmp_path, kind, long)
    assert record_in(long_comment(path)) == expected(long)
    assert properties(path)["caption"] == long.caption
