"""Dummy models for tests and demonstrations of scale: fast, deterministic, and marked synthetic.

Captions, colours and text vectors are those of the earlier implementations, so that old and new records
agree. Seeds are whole numbers from 0 on; vectors have 768 dims and are L2-normalised float32.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from panic_tda.content import Content, Image, Text
from panic_tda.errors import InvalidOutput, ModelError
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.signature import Kind, Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector

_SIDE = 256
_DIMS = 768
_GRID = 16  # 16 rows x 16 columns x 3 channels = 768 dims
_CACHED_IMAGES = 128
_CACHED_VECTORS = 4096


@dataclass(frozen=True, slots=True)
class Palette:
    """How a dummy text → image draws its colour: an offset to the seed, and the range of each channel."""

    offset: int
    channels: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Phrasing:
    """How a dummy image → text words its caption: an offset to the seed, a prefix, words, range of the number."""

    offset: int
    prefix: str
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    numbers: tuple[int, int]


_PALETTES = {
    "DummyT2I": Palette(0, ((0, 100), (200, 255), (200, 255))),
    "DummyT2I2": Palette(2000, ((200, 255), (0, 100), (200, 255))),
}
_PHRASINGS = {
    "DummyI2T": Phrasing(
        0,
        "dummy caption",
        ("bright", "dark", "vivid", "muted", "complex", "simple", "detailed", "abstract"),
        ("scene", "image", "picture", "view", "composition", "artwork", "photo", "visual"),
        (100, 999),
    ),
    "DummyI2T2": Phrasing(
        1000,
        "dummy v2",
        ("colorful", "monochrome", "sharp", "blurred", "dynamic", "static", "bold", "subtle"),
        ("display", "capture", "moment", "frame", "snapshot", "impression", "rendering", "portrayal"),
        (1000, 9999),
    ),
}


class DummyPainter:
    """Text → image: 256 × 256 RGB pixels of one colour, drawn from the seed and a hash of the text."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._plain = lru_cache(_CACHED_IMAGES)(_plain_image)

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Image]:
        """One image for each text."""
        return [self._paint(cast("Text", text).value, seed) for text, seed in zip(inputs, seeds, strict=True)]

    def close(self) -> None:
        """Forgets the images kept for reuse."""
        self._plain.cache_clear()

    def _paint(self, text: str, seed: int) -> Image:
        draw = random.Random(seed + _start_of_hash(text) + self._palette.offset).randint
        return self._plain(bytes(draw(low, high) for low, high in self._palette.channels))


class DummyCaptioner:
    """Image → text: an adjective, a noun and a number, drawn from the seed and a hash of the first ten pixels."""

    def __init__(self, phrasing: Phrasing) -> None:
        self._phrasing = phrasing

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Text]:
        """One caption for each image."""
        return [self._caption(cast("Image", image), seed) for image, seed in zip(inputs, seeds, strict=True)]

    def close(self) -> None:
        """Holds nothing."""

    def _caption(self, image: Image, seed: int) -> Text:
        phrasing = self._phrasing
        draw = random.Random(seed + _start_of_hash(str(_first_pixels(image))) + phrasing.offset).randint
        adjective, noun = phrasing.adjectives[draw(0, 7)], phrasing.nouns[draw(0, 7)]
        return Text(f"{phrasing.prefix}: {adjective} {noun} #{draw(*phrasing.numbers)}")


class SeededEmbedder:
    """Content → vector: uniform random numbers (MT19937), seeded by a whole number that stands for the content."""

    def __init__(self, seed_of: Callable[[Content], int]) -> None:
        import numpy as np

        self._seed_of = seed_of
        self._random = np.random.RandomState()  # made once: making one costs ten times what seeding it does
        self._lock = threading.Lock()
        self._vector = lru_cache(_CACHED_VECTORS)(self._draw)

    def embed(self, inputs: Sequence[Content]) -> list[Vector]:
        """One read-only vector of 768 numbers for each content; equal seeds share one array."""
        return [self._vector(self._seed_of(content)) for content in inputs]

    def close(self) -> None:
        """Forgets the vectors kept for reuse."""
        self._vector.cache_clear()

    def _draw(self, seed: int) -> Vector:
        with self._lock:
            self._random.seed(seed)
            numbers = self._random.random_sample(_DIMS)
        return _normalised(numbers)


class CodePointEmbedder:
    """Text → vector: the code points of the first 100 characters / 255, padded with zeros."""

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One vector of 768 numbers for each text; of an empty text, an ``InvalidOutput`` in its place."""
        return [self._embed(cast("Text", text).value) for text in inputs]

    def close(self) -> None:
        """Holds nothing."""

    def _embed(self, text: str) -> Vector | ModelError:
        import numpy as np

        if not text:
            return InvalidOutput("DummyText2 makes a zero vector of an empty text")
        numbers = np.zeros(_DIMS)
        points = np.frombuffer(text[:100].encode("utf-32-le"), dtype="<u4")
        numbers[: len(points)] = points / 255.0
        return _normalised(numbers)


class GridEmbedder:
    """Image → vector: red, green and blue at the nodes of a 16 × 16 grid; each value is (1 + byte) / 256."""

    def embed(self, inputs: Sequence[Content]) -> list[Vector]:
        """One vector of 768 numbers for each image, never zero."""
        return [self._embed(cast("Image", image)) for image in inputs]

    def close(self) -> None:
        """Holds nothing."""

    def _embed(self, image: Image) -> Vector:
        import numpy as np

        pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, -1)
        rows, columns = (np.arange(_GRID) * size // _GRID for size in (image.height, image.width))
        sampled = pixels[rows[:, None], columns, :3]
        return _normalised((1.0 + sampled.astype(np.float64)).ravel() / 256.0)


def load_painter(spec: ModelSpec, placement: Placement) -> DummyPainter:
    """Loads ``DummyT2I`` or ``DummyT2I2``."""
    return DummyPainter(_PALETTES[spec.name])


def load_captioner(spec: ModelSpec, placement: Placement) -> DummyCaptioner:
    """Loads ``DummyI2T`` or ``DummyI2T2``."""
    return DummyCaptioner(_PHRASINGS[spec.name])


def load_text(spec: ModelSpec, placement: Placement) -> SeededEmbedder:
    """Loads ``DummyText``: the seed is the sum of the code points."""
    return SeededEmbedder(_sum_of_code_points)


def load_text2(spec: ModelSpec, placement: Placement) -> CodePointEmbedder:
    """Loads ``DummyText2``."""
    return CodePointEmbedder()


def load_vision(spec: ModelSpec, placement: Placement) -> SeededEmbedder:
    """Loads ``DummyVision``: the seed is the first 8 hex digits of the content's SHA-256."""
    return SeededEmbedder(lambda image: int(image.sha256[:8], 16))


def load_vision2(spec: ModelSpec, placement: Placement) -> GridEmbedder:
    """Loads ``DummyVision2``."""
    return GridEmbedder()


def _plain_image(colour: bytes) -> Image:
    return Image("RGB", _SIDE, _SIDE, colour * (_SIDE * _SIDE))


def _start_of_hash(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def _first_pixels(image: Image) -> list[tuple[int, ...]]:
    step = len(image.mode)
    start = image.pixels[: 10 * step]
    return [tuple(start[at : at + step]) for at in range(0, len(start), step)]


def _sum_of_code_points(content: Content) -> int:
    return sum(map(ord, cast("Text", content).value)) % 2**32


def _normalised(numbers: NDArray[np.float64]) -> Vector:
    import numpy as np

    vector = (numbers / np.sqrt(numbers @ numbers)).astype(np.float32)
    vector.flags.writeable = False
    return vector


def _spec(name: str, signature: str, summary: str, loader: str, megabytes: int) -> ModelSpec:
    parsed = Signature.parse(signature)
    return ModelSpec(
        name=name,
        family="dummy",
        signature=parsed,
        summary=summary,
        loader=f"panic_tda.models.dummy:{loader}",
        licence="MIT",
        source="panic-tda; values of the earlier implementations",
        twin="tests/models/test_dummy.py",
        memory_bytes=megabytes * 1_000_000,
        dims=None if parsed.is_generator else _DIMS,
        batch_size=64 if Kind.IMAGE in (parsed.input, parsed.output) else 512,
        synthetic=True,
    )


MODELS: tuple[ModelSpec, ...] = (
    _spec("DummyT2I", "text -> image", "one colour drawn from seed and text", "load_painter", 26),
    _spec("DummyT2I2", "text -> image", "one colour of other ranges", "load_painter", 26),
    _spec("DummyI2T", "image -> text", "a made-up caption drawn from seed and pixels", "load_captioner", 1),
    _spec("DummyI2T2", "image -> text", "a made-up caption of other words", "load_captioner", 1),
    _spec("DummyText", "text -> vector", "random numbers seeded by the sum of code points", "load_text", 14),
    _spec("DummyText2", "text -> vector", "the code points of the first 100 characters", "load_text2", 1),
    _spec("DummyVision", "image -> vector", "random numbers seeded by the hash of the pixels", "load_vision", 14),
    _spec("DummyVision2", "image -> vector", "colours at the nodes of a 16 x 16 grid", "load_vision2", 1),
)
