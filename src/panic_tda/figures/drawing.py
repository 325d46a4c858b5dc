"""What the charts share: colours, axes, and the way from a figure to bytes that never differ.

Colours are those of Okabe and Ito (2008), told apart with every common form of colour blindness. Axes and
text are drawn in one ink, which an SVG turns into ``currentColor``, so that a page decides light or dark.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from panic_tda.answers.words import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1b1c1d"
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
ORANGE, PURPLE, SKY, GREY = "#E69F00", "#CC79A7", "#56B4E9", "#8A8F94"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION)
LINES: tuple[Any, ...] = ("solid", "dashed", "dotted", (0, (6, 2, 1, 2)))
STOP_COLOURS = {"length": BLUE, "loop": VERMILLION, "failed": "#3B3F42", "unfinished": GREY}
TEXT = 8.5

_DRAWN: WeakKeyDictionary[Figure, str] = WeakKeyDictionary()
"""Figures as SVG while they live: a folder and a report show the same ones, and drawing takes most of their time."""


def line_style(index: int) -> dict[str, Any]:
    """Colour and dash of the n-th line; 24 differ."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": LINES[index // len(COLOURS) % len(LINES)]}


def panels(count: int, *, columns: int = 3, width: float = 3.6, height: float = 3.0) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, each ``width`` × ``height`` inches, at most ``columns`` in a row."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = max(1, min(columns, count))
    rows = max(1, -(-count // columns))
    figure = Figure(figsize=(columns * width, rows * height), facecolor="none")
    figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.09))
    axes = [figure.add_subplot(rows, columns, index + 1) for index in range(count)]
    for each in axes:
        _plain(each)
    if not axes:
        figure.text(0.5, 0.5, "nothing to draw", ha="center", color=INK, fontsize=TEXT)
    return figure, axes


def _plain(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.tick_params(labelsize=TEXT - 1, colors=INK, width=0.6, length=3)
    for side, spine in axes.spines.items():
        spine.set(edgecolor=INK, linewidth=0.6, visible=side in ("left", "bottom"))


def name_axes(axes: Axes, title: str, x: str, y: str) -> None:
    """Title and axis names; the title is wrapped, and a ``$`` in it is a dollar, not a formula."""
    from textwrap import wrap

    lines = "\n".join(wrap(printable(title), 44)[:3])
    axes.set_title(lines, fontsize=TEXT, color=INK, loc="left", parse_math=False, fontweight="bold")
    axes.set_xlabel(x, fontsize=TEXT, color=INK)
    axes.set_ylabel(y, fontsize=TEXT, color=INK)


def whole_numbers(axes: Axes) -> None:
    """Ticks of the x axis at whole numbers only: there is no step 2.5."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))


def legend(target: Axes | Figure, handles: Sequence[Any], *, loc: str, columns: int = 1) -> None:
    """A frameless legend whose labels are taken as they stand."""
    draw: Any = target.legend
    drawn = draw(
        handles=list(handles), loc=loc, ncols=columns, frameon=False, fontsize=TEXT - 1, labelcolor=INK, handlelength=2
    )
    for text in drawn.get_texts():
        text.set_parse_math(False)


def to_svg(figure: Figure, *, title: str = "") -> str:
    """The figure as an ``<svg>`` element, for a file or for a page; the same figure gives the same string.

    Text stays text, ink is ``currentColor``, and identifiers are hashes of what they name, so that several
    figures can stand in one page. ``title`` is what a screen reader says.
    """
    if figure not in _DRAWN:
        _DRAWN[figure] = _drawn_svg(figure)
    svg = _DRAWN[figure]
    label = f"<title>{escape(title)}</title>\n" if title else ""
    return re.sub(r"<svg ([^>]*)>\n", lambda found: f'<svg role="img" {found[1]}>\n{label}', svg, count=1)


def _drawn_svg(figure: Figure) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    with _settings():
        _lay_out(figure)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        FigureCanvasSVG(figure).print_figure(buffer, format="svg", metadata=nothing)
    svg = buffer.getvalue()
    return re.sub(r'<g id="[\w.]+">', "<g>", svg[svg.index("<svg") :]).replace(INK, "currentColor")


def _lay_out(figure: Figure) -> None:
    """Finds the places of all parts once; matplotlib would draw the whole figure for that, each time it is printed."""
    engine = figure.get_layout_engine()
    if engine is not None and figure.axes:
        engine.execute(figure)
        figure.set_layout_engine(None)


def to_png(figure: Figure, *, dpi: int = 150) -> bytes:
    """The figure on white as PNG; the same figure gives the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    with _settings():
        _lay_out(figure)
        canvas = FigureCanvasAgg(figure)
        canvas.print_figure(buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib

    settings = {"svg.hashsalt": "panic-tda", "svg.fonttype": "none"}
    with warnings.catch_warnings(), matplotlib.rc_context(settings):  # type: ignore[arg-type]
        # A prompt may be in a script that the font lacks; browsers have their own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
