"""Images measured without weights: colour, edges and coarse layout (numpy only).

``PixelStats`` joins three blocks, 200 numbers in all, and normalises the whole to length 1:

==========  ====  =========================================================================================
0 to 63      64   square root of the colour histogram, 4 × 4 × 4 cells of RGB (Hellinger map: its length is 1)
64 to 135    72   gradient orientation (Dalal and Triggs 2005, simplified): 3 × 3 fields × 8 directions, each
                  the magnitude-weighted share, square root; zero when the image is flat
136 to 199   64   the 8 × 8 lowest DCT-II coefficients of the grey image (0 to 1), orthonormal, divided by the
                  square root of the number of pixels, so that the first is the mean
==========  ====  =========================================================================================

The first block is never zero, so neither is the vector. Alpha is laid over white.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from panic_tda.content import Content, Image
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector

    Floats = NDArray[np.float64]

_FIELDS = 3
_DIRECTIONS = 8
_FREQUENCIES = 8
_DIMS = 64 + _FIELDS * _FIELDS * _DIRECTIONS + _FREQUENCIES * _FREQUENCIES


class PixelStats:
    """Image → vector of 200 numbers; see the module for what they mean."""

    def embed(self, inputs: Sequence[Content]) -> list[Vector]:
        """One float32 vector of shape (200,) for each image, of length 1."""
        return [pixel_statistics(cast("Image", image)) for image in inputs]

    def close(self) -> None:
        """Holds nothing."""


def pixel_statistics(image: Image) -> Vector:
    """The vector of one image: float32, shape (200,), of length 1."""
    import numpy as np

    colours = _colours_on_white(image)
    grey = colours @ np.array([0.299, 0.587, 0.114]) / 255.0
    vector = np.concatenate([colour_histogram(colours), gradient_orientations(grey), low_frequencies(grey)])
    return cast("Vector", (vector / np.linalg.norm(vector)).astype(np.float32))


def colour_histogram(colours: Floats) -> Floats:
    """Square roots of the shares of 4 × 4 × 4 cells of RGB; ``colours`` is (height, width, 3), 0 to 255."""
    import numpy as np

    quarters = colours.astype(np.int64) // 64
    cells = (quarters @ np.array([16, 4, 1])).ravel()
    return cast("Floats", np.sqrt(np.bincount(cells, minlength=64) / cells.size))


def gradient_orientations(grey: Floats) -> Floats:
    """Square roots of the shares of gradient magnitude in 3 × 3 fields × 8 directions; shape (72,)."""
    import numpy as np

    down = np.diff(grey, axis=0, append=grey[-1:])
    right = np.diff(grey, axis=1, append=grey[:, -1:])
    magnitude = np.hypot(down, right)
    # Half a turn: an edge from dark to light and one from light to dark have the same direction.
    direction = np.floor(np.arctan2(down, right) / np.pi * _DIRECTIONS).astype(np.int64) % _DIRECTIONS
    rows, columns = (np.arange(size) * _FIELDS // size for size in grey.shape)
    cells = (rows[:, None] * _FIELDS + columns) * _DIRECTIONS + direction
    weights = np.bincount(cells.ravel(), magnitude.ravel(), minlength=_FIELDS * _FIELDS * _DIRECTIONS)
    # The floor keeps a flat image (all weights zero) from dividing by zero.
    return cast("Floats", np.sqrt(weights / max(float(weights.sum()), 1e-300)))


def low_frequencies(grey: Floats) -> Floats:
    """The 8 × 8 lowest coefficients of the orthonormal DCT-II over the square root of the pixel count; shape (64,)."""
    height, width = grey.shape
    return cast("Floats", (_cosines(height) @ grey @ _cosines(width).T).ravel() / (height * width) ** 0.5)


@lru_cache(maxsize=32)
def _cosines(size: int) -> Floats:
    """The first 8 rows of the orthonormal DCT-II matrix, (8, size); rows past ``size`` are zero."""
    import numpy as np

    frequencies = np.arange(_FREQUENCIES)[:, None]
    basis = np.cos(np.pi / size * (np.arange(size) + 0.5) * frequencies) * np.sqrt(2.0 / size)
    basis[0] = np.sqrt(1.0 / size)
    basis[size:] = 0.0
    return cast("Floats", basis)


def _colours_on_white(image: Image) -> Floats:
    """Red, green and blue, 0 to 255, shape (height, width, 3)."""
    import numpy as np

    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, -1).astype(np.float64)
    if image.mode == "RGB":
        return pixels
    alpha = pixels[..., 3:] / 255.0
    return pixels[..., :3] * alpha + 255.0 * (1.0 - alpha)


def load(spec: ModelSpec, placement: Placement) -> PixelStats:
    """Loads ``PixelStats``."""
    return PixelStats()


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="PixelStats",
        family="vision",
        signature=Signature.parse("image -> vector"),
        summary="colour histogram, gradient orientation and low-frequency DCT; no weights",
        loader="panic_tda.models.vision:load",
        licence="MIT",
        source="panic-tda",
        twin="tests/models/test_vision.py",
        memory_bytes=30_000_000,
        dims=_DIMS,
        batch_size=32,
    ),
)
