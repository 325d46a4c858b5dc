"""Films decoded again: what is in the file, in which order, and what is left after a fault."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from panic_tda.errors import PanicError, RequestError
from panic_tda.figures.video import CODECS, QUALITIES, parsed_resolution, write_video

SIZE = (192, 128)
COLOURS = [(200, 30, 40), (20, 180, 60), (30, 60, 210), (240, 240, 240), (15, 15, 15)]
TAGS = {"h265": "hvc1", "h264": "avc1", "av1": "av01"}
NAMES = {"h265": "hevc", "h264": "h264", "av1": "libdav1d"}


def frames(count: int = 7) -> Iterator[Image.Image]:
    """The same picture drawn further: a square of another colour wanders over grey."""
    picture = Image.new("RGB", SIZE, (128, 128, 128))
    for number in range(count):
        picture.paste((128, 128, 128), (0, 0, *SIZE))
        picture.paste(COLOURS[number % len(COLOURS)], (16 * number, 32, 16 * number + 64, 96))
        yield picture


def atoms(path: Path) -> list[str]:
    """The outermost atoms of an MP4, in order."""
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        found.append(name.decode("ascii"))
        place += size
    return found


@pytest.fixture(scope="module", params=[(codec, quality) for codec in CODECS for quality in QUALITIES], ids="-".join)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    codec, quality = request.param
    path = tmp_path_factory.mktemp("films") / f"{codec}.mp4"
    write_video(frames(), path, size=SIZE, fps=3, codec=codec, quality=quality, title="a red apple · 日本")
    return codec, path


def test_there_is_one_stream_of_the_codec_asked_for(made: tuple[str, Path]) -> None:
    codec, path = made
    with av.open(str(path)) as container:
        [stream] = container.streams
        context = stream.codec_context
        assert (context.name, context.codec_tag) == (NAMES[codec], TAGS[codec])
        assert (context.width, context.height, context.pix_fmt) == (*SIZE, "yuv420p")
        assert (stream.frames, stream.average_rate) == (7, 3)
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert container.metadata["title"] == "a red apple · 日本"


def test_every_frame_comes_back_in_its_place_and_colours(made: tuple[str, Path]) -> None:
    with av.open(str(made[1])) as container:
        decoded = list(container.decode(video=0))
    assert len(decoded) == 7
    for number, frame in enumerate(decoded):
        picture = frame.reformat(format="rgb24", src_colorspace="ITU709").to_image()
        seen = picture.getpixel((16 * number + 32, 64))
        assert isinstance(seen, tuple)
        assert max(abs(one - other) for one, other in zip(seen, COLOURS[number % 5], strict=True)) < 24
        assert frame.time == pytest.approx(number / 3)


@pytest.mark.parametrize("quality", ["draft", "good"])
@pytest.mark.parametrize("codec", CODECS)
def test_pictures_that_all_change_at_once_do_not_smear(codec: str, quality: str, tmp_path: Path) -> None:
    tiles = [(column, row) for row in range(3) for column in range(4)]
    shades = np.random.default_rng(7).integers(0, 256, (30, len(tiles), 3))

    def mosaics() -> Iterator[Image.Image]:
        for colours in shades.tolist():
            picture = Image.new("RGB", (320, 240), "white")
            for (column, row), colour in zip(tiles, colours, strict=True):
                picture.paste(tuple(colour), (80 * column + 4, 80 * row + 4, 80 * column + 76, 80 * row + 76))
            yield picture

    path = write_video(mosaics(), tmp_path / "a.mp4", size=(320, 240), fps=4, codec=codec, quality=quality)
    with av.open(str(path)) as container:
        decoded = [frame.reformat(format="rgb24", src_colorspace="ITU709") for frame in container.decode(video=0)]
    seen = np.array(
        [[frame.to_ndarray()[80 * row + 40, 80 * column + 40] for column, row in tiles] for frame in decoded]
    )
    assert np.abs(seen.astype(int) - shades).max() < 20


def test_the_index_stands_before_the_pictures_so_that_a_film_starts_while_it_loads(made: tuple[str, Path]) -> None:
    found = atoms(made[1])
    assert found[0] == "ftyp"
    assert found.index("moov") < found.index("mdat")


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("quality", QUALITIES)
def test_the_shortest_films_are_whole_and_nothing_in_them_is_reordered(
    count: int, quality: str, tmp_path: Path
) -> None:
    path = write_video(frames(count), tmp_path / "film.mp4", size=SIZE, fps=3, quality=quality)
    with av.open(str(path)) as film:
        packets = [packet for packet in film.demux(video=0) if packet.size]
    assert len(packets) == count
    assert [packet.dts for packet in packets] == [packet.pts for packet in packets]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have policies of their own on Linux only")
@pytest.mark.parametrize("codec", CODECS)
def test_no_thread_becomes_a_real_time_one(codec: str, tmp_path: Path) -> None:
    def frames() -> Iterator[Image.Image]:
        for level in range(3):
            policies.append({os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()})
            yield Image.new("RGB", (64, 64), (level, level, level))

    policies: list[set[int]] = []
    before = os.sched_getscheduler(0)
    write_video(frames(), tmp_path / "film.mp4", size=(64, 64), fps=10, codec=codec)
    assert policies[-1] == {os.sched_getscheduler(0)} == {before}


def test_encoders_say_nothing(made: tuple[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_video(frames(2), tmp_path / "a.mp4", size=SIZE, fps=3, codec=made[0], quality="draft")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("fault", [ValueError("half way"), KeyboardInterrupt()])
def test_a_film_that_is_not_finished_leaves_nothing(tmp_path: Path, fault: BaseException) -> None:
    def broken() -> Iterator[Image.Image]:
        yield from frames(3)
        raise fault

    old = tmp_path / "film.mp4"
    old.write_text("the film before", encoding="utf-8")
    with pytest.raises(type(fault)):
        write_video(broken(), old, size=SIZE, fps=3, codec="h264")
    assert old.read_text(encoding="utf-8") == "the film before"
    assert list(tmp_path.iterdir()) == [old]


def test_what_the_encoder_refuses_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(PanicError, match=r"film\.mp4: "):
        write_video(frames(), tmp_path / "film.mp4", size=(1, 1), fps=3, codec="h264")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "size"), [("hd", (1920, 1080)), ("4K", (3840, 2160)), ("8k", (7680, 4320)), ("1280x720", (1280, 720))]
)
def test_resolutions(words: str, size: tuple[int, int]) -> None:
    assert parsed_resolution(words) == size


@pytest.mark.parametrize(
    "words", ["", "2k", "x", "1280x", "12.5x90", "-2x200", "1280x720x3", "²x200", "9" * 5_000 + "x2"]
)
def test_what_is_no_resolution_is_refused(words: str) -> None:
    with pytest.raises(RequestError, match="is not hd, 4k, 8k or WIDTHxHEIGHT"):
        parsed_resolution(words)


def test_an_odd_side_is_refused() -> None:
    with pytest.raises(RequestError, match="both sides must be even"):
        parsed_resolution("641x480")
