"""Images as files that carry their own record, in EXIF and in XMP."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from panic_tda import __version__
from panic_tda.answers.words import shorten
from panic_tda.figures.whole_file import written_whole
from panic_tda.store.images import MadeImage

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

XMP_NAMESPACE = "urn:panic-tda:record#"
FORMATS = {"png": ".png", "webp": ".webp", "avif": ".avif", "jpeg": ".jpg"}
"""Format and ending; PNG and WebP keep every pixel."""
LOSSLESS = ("png", "webp")

_IMAGE_DESCRIPTION, _SOFTWARE, _EXIF_FOLDER, _EXIF_VERSION, _USER_COMMENT = 0x010E, 0x0131, 0x8769, 0x9000, 0x9286
_ASCII, _LONG, _UNDEFINED = 2, 4, 7
_TIFF_HEADER_SIZE = 8
_JPEG_SEGMENT = 60_000


def write_image(image: PillowImage, made: MadeImage, folder: Path, kind: str) -> Path:
    """Writes ``folder/RUN-STEP.ending``, in PNG or WebP without loss, in AVIF or JPEG at high quality.

    ``UserComment`` of EXIF is the record as JSON in ASCII, ``ImageDescription`` a sentence; XMP has the same as
    properties. In JPEG, where either may have 64 KB, very long texts are cut and end in an ellipsis.
    """
    told = _fitting(made) if kind == "jpeg" else made
    data = _ENCODERS[kind](image, _exif(told), _xmp(told))
    with written_whole(folder / f"{made.run_id}-{made.sequence_number:05}{FORMATS[kind]}") as aside:
        aside.write_bytes(data)
    return folder / aside.name


def description(made: MadeImage) -> str:
    """One sentence about the image."""
    caption = f", then read as “{shorten(made.caption, 200)}”" if made.caption is not None else ""
    return (
        f"Step {made.sequence_number} of run {made.run_id}, made by {made.model} with seed {made.seed} from "
        f"“{shorten(made.input, 200)}”{caption}"
    )


def _fitting(made: MadeImage) -> MadeImage:
    for most in (16_000, 4_000, 1_000, 200):
        if max(len(_exif(made)), len(_xmp(made))) <= _JPEG_SEGMENT:
            return made
        caption = None if made.caption is None else _cut(made.caption, most)
        made = made._replace(prompt=_cut(made.prompt, most), input=_cut(made.input, most), caption=caption)
    return made


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _record(made: MadeImage) -> dict[str, Any]:
    return {**made._asdict(), "software": f"panic-tda {__version__}"}


def _exif(made: MadeImage) -> bytes:
    comment = b"ASCII\0\0\0" + json.dumps(_record(made)).encode("ascii")
    words = [(_IMAGE_DESCRIPTION, description(made)), (_SOFTWARE, f"panic-tda {__version__}")]
    texts = [(tag, _ASCII, text.encode("utf-8") + b"\0") for tag, text in words]
    first = len(_directory(_TIFF_HEADER_SIZE, [*texts, (_EXIF_FOLDER, _LONG, bytes(4))]))
    place = _TIFF_HEADER_SIZE + first
    main = _directory(_TIFF_HEADER_SIZE, [*texts, (_EXIF_FOLDER, _LONG, struct.pack("<I", place))])
    more = _directory(place, [(_EXIF_VERSION, _UNDEFINED, b"0232"), (_USER_COMMENT, _UNDEFINED, comment)])
    return b"Exif\0\0" + struct.pack("<2sHI", b"II", 42, _TIFF_HEADER_SIZE) + main + more


def _directory(start: int, entries: list[tuple[int, int, bytes]]) -> bytes:
    """An image file directory of TIFF 6.0 that stands ``start`` bytes into the block: (tag, type, value) by tag.

    Pillow cannot be told that a comment is of the type UNDEFINED, as EXIF wants it.
    """
    place, head, values = start + 2 + 12 * len(entries) + 4, struct.pack("<H", len(entries)), b""
    for tag, kind, data in entries:
        head += struct.pack("<HHI", tag, kind, len(data) // (4 if kind == _LONG else 1))
        if len(data) <= 4:
            head += data.ljust(4, b"\0")
        else:
            head += struct.pack("<I", place + len(values))
            values += data + bytes(len(data) % 2)
    return head + bytes(4) + values


def _xmp(made: MadeImage) -> bytes:
    values = {name: value for name, value in _record(made).items() if value is not None}
    own = "".join(f"<panic:{name}>{_xml(str(value))}</panic:{name}>" for name, value in values.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' xmlns:panic="{XMP_NAMESPACE}">'
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{_xml(description(made))}</rdf:li></rdf:Alt>'
        f"</dc:description><xmp:CreatorTool>panic-tda {__version__}</xmp:CreatorTool>{own}"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _xml(text: str) -> str:
    """Escaped; characters that XML forbids, and EXIF keeps, become U+FFFD."""
    return escape("".join(sign if _is_allowed(sign) else "\ufffd" for sign in text), {"\r": "&#13;"})


def _is_allowed(sign: str) -> bool:
    return sign in "\t\n\r" or " " <= sign <= "\ud7ff" or "\ue000" <= sign <= "\ufffd" or sign >= "\U00010000"


def _png(image: PillowImage, exif: bytes, xmp: bytes) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8"))
    return _saved(image, "PNG", exif=exif, pnginfo=info)


def _webp(image: PillowImage, exif: bytes, xmp: bytes) -> bytes:
    return _saved(image, "WEBP", lossless=True, exact=True, quality=50, method=1, exif=exif, xmp=xmp)


def _avif(image: PillowImage, exif: bytes, xmp: bytes) -> bytes:
    return _saved(image, "AVIF", quality=90, subsampling="4:4:4", speed=8, exif=exif, xmp=xmp)


def _jpeg(image: PillowImage, exif: bytes, xmp: bytes) -> bytes:
    from PIL import Image

    if image.mode == "RGBA":
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A"))
        image = flat
    return _saved(image, "JPEG", quality=95, subsampling=0, exif=exif, xmp=xmp)


def _saved(image: PillowImage, plugin: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, plugin, **options)
    return buffer.getvalue()


_ENCODERS: dict[str, Callable[[PillowImage, bytes, bytes], bytes]] = {
    "png": _png,
    "webp": _webp,
    "avif": _avif,
    "jpeg": _jpeg,
}
