"""Text → image without weights: the text set in a font, then damaged by a seeded hand.

The damage (warp, blur, noise, occlusion) is drawn from ``numpy.random.Generator(PCG64)``, seeded by the item's
seed and a hash of its text and nothing else. So an image is a function of text and seed, an item never feels its
neighbours, and a text that changes in one letter meets other damage. (Damage by the seed alone was tried: a
loop then stood still after two steps, since the misread text met the same scratches in the same places.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from panic_tda.content import Content, Image, Text
from panic_tda.models.model import ModelSpec, Parameter, Parameters, Placement
from panic_tda.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont

    Grey = NDArray[np.float32]

_FONT = Path(__file__).parent / "data" / "DejaVuSans.ttf"
_SIZES = range(30, 9, -2)
_MARGIN = 10
_LEADING = 1.3
# What each kind of damage amounts to at full strength.
_WARP_PIXELS = 8.5
_WARP_NODES = (5, 9)
_BLUR_RADIUS = 1.8
_NOISE_GREYS = 160.0
_STROKES = 13


class Glyph:
    """Sets each text in DejaVu Sans, black on white, as large as fits, and damages the canvas."""

    def __init__(self) -> None:
        self._font = lru_cache(maxsize=len(_SIZES))(_font)

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Image]:
        """One RGB image of ``width`` × ``height`` pixels for each text; of an empty text, a damaged blank canvas."""
        return [
            self._paint(cast("Text", text).value, seed, parameters) for text, seed in zip(inputs, seeds, strict=True)
        ]

    def close(self) -> None:
        """Frees the fonts."""
        self._font.cache_clear()

    def _paint(self, text: str, seed: int, parameters: Parameters) -> Image:
        import numpy as np

        width, height = int(parameters["width"]), int(parameters["height"])
        canvas = self._set(text, width, height)
        total = float(parameters["distortion"])
        strengths = {name: total * float(parameters[name]) for name in ("warp", "blur", "noise", "occlusion")}
        damaged = distort(canvas, np.random.Generator(np.random.PCG64([seed, *_entropy(text)])), **strengths)
        pixels = np.clip(np.rint(damaged), 0, 255).astype(np.uint8)
        return Image("RGB", width, height, np.repeat(pixels[..., None], 3, axis=2).tobytes())

    def _set(self, text: str, width: int, height: int) -> Grey:
        """The text centred on a white canvas, float32 of shape (height, width), 0 (ink) to 255 (paper)."""
        import numpy as np
        from PIL import Image as pillow
        from PIL import ImageDraw

        font, lines = self._fit(text, width - 2 * _MARGIN, height - 2 * _MARGIN)
        canvas = pillow.new("L", (width, height), 255)
        draw = ImageDraw.Draw(canvas)
        step = font.size * _LEADING
        top = (height - step * len(lines)) / 2
        for row, line in enumerate(lines):
            left = (width - font.getlength(line)) / 2
            draw.text((round(left), round(top + row * step)), line, fill=0, font=font)
        return np.asarray(canvas, np.float32)

    def _fit(self, text: str, width: int, height: int) -> tuple[FreeTypeFont, list[str]]:
        """The largest font in which the wrapped text fits; lines that do not fit even in the smallest are cut."""
        for size in _SIZES:
            font = self._font(size)
            lines = wrap(text, font, width)
            if len(lines) * size * _LEADING <= height:
                return font, lines
        return font, lines[: max(1, int(height // (font.size * _LEADING)))]


def wrap(text: str, font: FreeTypeFont, width: float) -> list[str]:
    """Breaks a text at its white space into lines of at most ``width`` pixels; a word too long is broken inside."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text.split(), font, width):
        joined = f"{line} {piece}" if line else piece
        if line and font.getlength(joined) > width:
            lines.append(line)
            line = piece
        else:
            line = joined
    return [*lines, line] if line else lines


def distort(
    canvas: Grey, random: np.random.Generator, *, warp: float, blur: float, noise: float, occlusion: float
) -> Grey:
    """Damages a grey canvas (height, width), 0 to 255. Strengths go from 0 (none) to 1.

    The same numbers are drawn whatever the strengths, so one kind of damage can be varied alone.
    """
    import numpy as np

    nodes = random.standard_normal((2, *_WARP_NODES)).astype(np.float32)
    strokes = random.random((_STROKES, 5))
    grain = random.standard_normal(canvas.shape).astype(np.float32)
    bent = _bend(canvas, nodes * np.float32(warp * _WARP_PIXELS / 2.0))
    soft = _soften(_strike(bent, strokes, occlusion), blur * _BLUR_RADIUS)
    return soft + grain * np.float32(noise * _NOISE_GREYS)


def _pieces(words: Iterable[str], font: FreeTypeFont, width: float) -> Iterable[str]:
    for word in words:
        rest = word
        while font.getlength(rest) > width and len(rest) > 1:
            cut = next((n for n in range(len(rest) - 1, 1, -1) if font.getlength(rest[:n]) <= width), 1)
            yield rest[:cut]
            rest = rest[cut:]
        yield rest


def _bend(canvas: Grey, nodes: Grey) -> Grey:
    """Moves each pixel by a smooth field: ``nodes`` (2, rows, columns) are displacements in pixels, down and right."""
    import numpy as np
    from PIL import Image as pillow

    height, width = canvas.shape
    down, right = (
        np.asarray(pillow.fromarray(field).resize((width, height), pillow.Resampling.BICUBIC)) for field in nodes
    )
    rows = np.clip(np.arange(height, dtype=np.float32)[:, None] + down, 0, height - 1)
    columns = np.clip(np.arange(width, dtype=np.float32) + right, 0, width - 1)
    top, left = rows.astype(np.int64), columns.astype(np.int64)
    bottom, far = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    y, x = rows - top, columns - left
    above = canvas[top, left] * (1 - x) + canvas[top, far] * x
    below = canvas[bottom, left] * (1 - x) + canvas[bottom, far] * x
    return cast("Grey", above * (1 - y) + below * y)


def _strike(canvas: Grey, strokes: NDArray[np.float64], occlusion: float) -> Grey:
    """Draws strokes across the canvas, one in two of paper colour; ``strokes`` is (n, 5): two points and a shade."""
    import numpy as np
    from PIL import Image as pillow
    from PIL import ImageDraw

    height, width = canvas.shape
    struck = pillow.fromarray(canvas)
    draw = ImageDraw.Draw(struck)
    for x, y, dx, dy, shade in strokes[: round(occlusion * _STROKES)]:
        start = (x * width, y * height)
        end = (start[0] + (dx - 0.5) * width / 2, start[1] + (dy - 0.5) * height / 2)
        draw.line([start, end], fill=255 if shade < 0.5 else 0, width=2)
    return np.asarray(struck, np.float32)


def _soften(canvas: Grey, radius: float) -> Grey:
    """Gaussian blur; ``radius`` is the standard deviation in pixels."""
    import numpy as np
    from PIL import Image as pillow
    from PIL import ImageFilter

    # Pillow blurs whole greys only: rounding first keeps the result the same on every machine.
    whole = pillow.fromarray(np.clip(np.rint(canvas), 0, 255).astype(np.uint8))
    return np.asarray(whole.filter(ImageFilter.GaussianBlur(radius)), np.float32)


def _entropy(text: str) -> list[int]:
    """The first 128 bits of a hash of the text, as four numbers."""
    digest = hashlib.sha256(text.encode()).digest()
    return [int.from_bytes(digest[at : at + 4], "big") for at in range(0, 16, 4)]


def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    # Raqm, where installed, would place letters differently.
    return ImageFont.truetype(str(_FONT), size, layout_engine=ImageFont.Layout.BASIC)


def load(spec: ModelSpec, placement: Placement) -> Glyph:
    """Loads ``Glyph``."""
    return Glyph()


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="Glyph",
        family="glyph",
        signature=Signature.parse("text -> image"),
        summary="the text set in a font, then warped, blurred, grained and struck through",
        loader="panic_tda.models.glyph:load",
        licence="MIT; font: Bitstream Vera and Arev licences",
        source="panic-tda; DejaVu Sans 2.35, https://dejavu-fonts.github.io",
        twin="tests/models/test_glyph.py",
        memory_bytes=30_000_000,
        parameters=(
            Parameter("width", 384, "pixels", minimum=64, maximum=2048),
            Parameter("height", 160, "pixels", minimum=32, maximum=2048),
            Parameter("distortion", 0.5, "overall strength; multiplies the four below", minimum=0.0, maximum=1.0),
            Parameter("warp", 1.0, "share of bending", minimum=0.0, maximum=1.0),
            Parameter("blur", 1.0, "share of blur", minimum=0.0, maximum=1.0),
            Parameter("noise", 1.0, "share of grain", minimum=0.0, maximum=1.0),
            Parameter("occlusion", 1.0, "share of strokes across the text", minimum=0.0, maximum=1.0),
        ),
        batch_size=8,
    ),
)
