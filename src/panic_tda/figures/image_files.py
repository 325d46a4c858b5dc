"""Images as files that carry their own record, in EXIF and in XMP."""

from __future__ import annotations

import io
import json
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

_IMAGE_DESCRIPTION, _SOFTWARE, _EXIF_FOLDER, _USER_COMMENT = 0x010E, 0x0131, 0x8769, 0x9286
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
    from PIL import Image

    exif = Image.Exif()
    exif[_IMAGE_DESCRIPTION] = description(made).encode("utf-8")
    exif[_SOFTWARE] = f"panic-tda {__version__}"
    comment = json.dumps(_record(made))
    exif.get_ifd(_EXIF_FOLDER)[_USER_COMMENT] = b"ASCII\0\0\0" + comment.encode("ascii")
    return exif.tobytes()


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
