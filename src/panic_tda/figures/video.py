"""Frames into an MP4 that everything plays: ``yuv420p``, BT.709, index before the pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.errors import PanicError, RequestError
from panic_tda.figures.packing import check_frame
from panic_tda.figures.whole_file import written_whole

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

RESOLUTIONS = {"hd": (1920, 1080), "4k": (3840, 2160), "8k": (7680, 4320)}
QUALITIES = ("draft", "good", "best")
_SECONDS_BETWEEN_KEYS = 5


class Codec(NamedTuple):
    """An encoder, the four letters of its streams in MP4, and its options by quality."""

    encoder: str
    tag: str
    qualities: Mapping[str, Mapping[str, str]]


def _qualities(presets: tuple[str, str, str], factors: tuple[int, int, int], **more: str) -> dict[str, dict[str, str]]:
    return {
        quality: {"preset": preset, "crf": str(factor), **more}
        for quality, preset, factor in zip(QUALITIES, presets, factors, strict=True)
    }


CODECS = {
    # No B-frames: of a film shorter than its reordering, x265 now and then gives out packets without times.
    "h265": Codec(
        "libx265",
        "hvc1",
        _qualities(
            ("ultrafast", "veryfast", "medium"),
            (28, 22, 16),
            **{"x265-params": "log-level=none:rc-lookahead=8:bframes=0"},
        ),
    ),
    "h264": Codec(
        "libx264", "avc1", _qualities(("ultrafast", "veryfast", "slow"), (26, 20, 15), **{"rc-lookahead": "8"})
    ),
    "av1": Codec("libsvtav1", "av01", _qualities(("8", "7", "6"), (32, 27, 18))),
}


def parsed_resolution(words: str) -> tuple[int, int]:
    """Width and height of ``hd``, ``4k``, ``8k`` or ``1280x720``; raises ``RequestError``."""
    if words.lower() in RESOLUTIONS:
        return RESOLUTIONS[words.lower()]
    width, _, height = words.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and len(words) < 16):
        raise RequestError(f"--resolution {words!r} is not {', '.join(RESOLUTIONS)} or WIDTHxHEIGHT, as 1280x720")
    check_frame(int(width), int(height))
    return int(width), int(height)


def write_video(
    frames: Iterable[PillowImage],
    path: Path,
    *,
    size: tuple[int, int],
    fps: int,
    codec: str = "h265",
    quality: str = "good",
    title: str = "",
) -> Path:
    """Encodes RGB frames of one ``size`` as they come; the file appears under its name when it is whole.

    ``codec`` is a key of ``CODECS``, ``quality`` one of ``QUALITIES``. Raises ``PanicError`` when the encoder fails.
    """
    import av

    chosen = CODECS[codec]
    with (
        written_whole(path) as aside,
        _quiet_encoder(),
        _refused_by_encoder(path),
        av.open(str(aside), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        container.metadata["title"] = title
        stream = container.add_stream(chosen.encoder, rate=fps, options=dict(chosen.qualities[quality]))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.codec_tag = chosen.tag
        context.gop_size = _SECONDS_BETWEEN_KEYS * fps
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 1, 1, 1, 1
        with _ordinary_priority():
            container.start_encoding()
        for number, frame in enumerate(frames):
            container.mux(stream.encode(_halved_colours(frame, number)))
        container.mux(stream.encode(None))
    return path


def _halved_colours(frame: PillowImage, number: int) -> Any:
    """The frame as ``yuv420p`` by BT.709, which players assume of anything that is not small."""
    from av import VideoFrame

    converted = VideoFrame.from_image(frame).reformat(
        format="yuv420p",
        src_color_range="JPEG",
        dst_color_range="MPEG",
        dst_colorspace="ITU709",
        dst_color_primaries=1,
        dst_color_trc=1,
    )
    converted.pts = number
    return converted


@contextmanager
def _quiet_encoder() -> Iterator[None]:
    """SVT-AV1 talks to stderr unless the environment says otherwise."""
    before = os.environ.get("SVT_LOG")
    os.environ["SVT_LOG"] = "1"  # errors
    try:
        yield
    finally:
        if before is None:
            del os.environ["SVT_LOG"]
        else:
            os.environ["SVT_LOG"] = before


@contextmanager
def _ordinary_priority() -> Iterator[None]:
    """Run by root, SVT-AV1 makes its threads and the caller's real-time ones, which would starve the whole machine."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():  # only Linux has them, and only there does it happen
        yield
        return
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    for task in tasks.iterdir():
        with suppress(ProcessLookupError):  # a thread may just have ended
            if os.sched_getscheduler(int(task.name)) != policy:
                os.sched_setscheduler(int(task.name), policy, parameter)


@contextmanager
def _refused_by_encoder(path: Path) -> Iterator[None]:
    from av.error import FFmpegError

    try:
        yield
    except FFmpegError as fault:
        raise PanicError(f"{path}: {fault.strerror}") from fault
