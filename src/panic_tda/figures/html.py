"""Small pieces of HTML; everything that comes from outside is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from panic_tda.answers.words import shorten
from panic_tda.figures.drawing import to_svg
from panic_tda.figures.tiles import thumbnail

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image as PillowImage


def visible(text: str) -> str:
    """Escaped text with its line breaks; other control characters, which HTML forbids, become a middle dot."""
    return escape("".join(sign if _is_shown(sign) else "·" for sign in text.replace("\r\n", "\n")))


def _is_shown(sign: str) -> bool:
    return sign.isprintable() or sign in "\n\t" or (sign.isspace() and sign >= "\u00a0")


def section(title: str, *parts: str) -> str:
    """A section with a heading, or nothing if it has no parts."""
    body = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>" if body else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{visible(text)}</p>"


def folded(summary: str, items: Sequence[str]) -> str:
    """A list behind a line to click on, or nothing."""
    if not items:
        return ""
    entries = "".join(f"<li>{visible(item)}</li>" for item in items)
    return f"<details><summary>{visible(summary)}</summary><ul>{entries}</ul></details>"


def table(head: Sequence[str], rows: Iterable[Sequence[str | int | float | None]]) -> str:
    """A table; numbers are set to the right, and a dash stands where there is no number."""
    body = list(rows)
    texts = [any(isinstance(row[column], str) for row in body) for column in range(len(head))]
    titles = "".join(
        f'<th scope="col"{_kind(text)}>{escape(title)}</th>' for title, text in zip(head, texts, strict=True)
    )
    lines = "\n".join(
        f"<tr>{''.join(f'<td{_kind(text)}>{_value(value)}</td>' for value, text in zip(row, texts, strict=True))}</tr>"
        for row in body
    )
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>\n{lines}\n</tbody></table></div>'


def _kind(text: bool) -> str:
    return "" if text else ' class="number"'


def _value(value: str | float | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return visible(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def chart(figure: Figure, title: str, caption: str = "", kind: str = "") -> str:
    """A figure drawn into the page, with a caption under it."""
    under = f"<figcaption>{visible(caption)}</figcaption>" if caption else ""
    opening = f'<figure class="{kind}">' if kind else "<figure>"
    return f"{opening}{to_svg(figure, title=shorten(title, 200))}{under}</figure>"


def data_uri(image: PillowImage, side: int) -> str:
    """A thumbnail of the image, no side longer than ``side``, as a WebP data URI."""
    import base64
    import io

    buffer = io.BytesIO()
    thumbnail(image, min(side, max(image.size))).save(buffer, "WEBP", quality=82, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
