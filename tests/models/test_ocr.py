from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image as pillow
from PIL import ImageDraw, ImageFont

from panic_tda.content import Image, Text
from panic_tda.errors import ModelLoadError
from panic_tda.models import glyph, ocr
from panic_tda.models.hashing import sha256_of_file
from panic_tda.models.model import Generator, Placement
from panic_tda.models.weights import Weights

[SPEC] = ocr.MODELS
FONT = Path(glyph.__file__).parent / "data" / "DejaVuSans.ttf"


@pytest.fixture(scope="module")
def model() -> Iterator[Generator]:
    loaded = cast("Generator", SPEC.load(Placement()))
    yield loaded
    loaded.close()


def page(*placed: tuple[int, int, str], mode: str = "RGB", size: tuple[int, int] = (384, 120)) -> Image:
    canvas = pillow.new(mode, size, (0, 0, 0, 0) if mode == "RGBA" else "white")
    draw = ImageDraw.Draw(canvas)
    for x, y, text in placed:
        draw.text((x, y), text, font=ImageFont.truetype(str(FONT), 24), fill="black")
    return Image.from_pillow(canvas)


def read(model: Generator, *images: Image) -> list[str]:
    outcomes = model.generate(list(images), [0] * len(images), SPEC.with_defaults({}))
    return [cast("Text", outcome).value for outcome in outcomes]


def test_lines_are_read_from_top_to_bottom_and_left_to_right(model: Generator) -> None:
    image = page((230, 12, "seldom"), (10, 70, "meets the north"), (10, 12, "The south"))
    assert read(model, image) == ["The south seldom meets the north"]


def test_a_blank_image_gives_an_empty_text(model: Generator) -> None:
    assert read(model, page(), Image("RGB", 1, 1, b"\xff\xff\xff")) == ["", ""]


def test_transparent_paper_is_white(model: Generator) -> None:
    assert read(model, page((10, 40, "quiet lake"), mode="RGBA")) == ["quiet lake"]


def test_neither_neighbours_nor_order_nor_threads_change_a_reading(model: Generator) -> None:
    painter = cast("Generator", glyph.MODELS[0].load(Placement()))
    texts = [Text("a red boat on a quiet lake"), Text("the storm"), Text("")]
    parameters = glyph.MODELS[0].with_defaults({"distortion": 0.6, "width": 256, "height": 96})
    images = [cast("Image", image) for image in painter.generate(texts, [1, 2, 3], parameters)]
    alone = [read(model, image)[0] for image in images]
    assert read(model, *images[::-1])[::-1] == alone
    fresh = cast("Generator", SPEC.load(Placement(threads=2)))
    assert read(fresh, *images) == alone
    fresh.close()


def test_a_high_confidence_leaves_doubtful_lines_out(model: Generator) -> None:
    image = page((10, 40, "a red boat"))
    assert read(model, image) == ["a red boat"]
    noise = np.random.default_rng(0).normal(0, 90, (120, 384, 3))
    damaged = np.clip(np.frombuffer(image.pixels, np.uint8).reshape(120, 384, 3) + noise, 0, 255)
    doubtful = Image("RGB", 384, 120, damaged.astype(np.uint8).tobytes())
    [everything], [only_certain] = (model.generate([doubtful], [0], {"confidence": least}) for least in (0.0, 1.0))
    assert everything != Text("")
    assert only_certain == Text("")


def test_loading_touches_no_logger_but_its_own() -> None:
    before = logging.getLogger().level, logging.getLogger().handlers[:], logging.root.manager.disable
    SPEC.load(Placement()).close()
    assert (logging.getLogger().level, logging.getLogger().handlers, logging.root.manager.disable) == before
    assert logging.getLogger("RapidOCR").level == logging.CRITICAL


def test_boxes_on_one_row_may_stand_at_slightly_different_heights() -> None:
    def box(x: float, y: float) -> list[tuple[float, float]]:
        return [(x, y), (x + 40, y), (x + 40, y + 20), (x, y + 20)]

    boxes = np.array([box(200, 0), box(0, 6), box(100, 3), box(50, 40)])
    assert ocr.reading_order(boxes) == [1, 2, 0, 3]


def test_a_file_that_is_no_network_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path))
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"no network")
    digest = sha256_of_file(garbage)
    home = tmp_path / "weights" / digest
    home.mkdir(parents=True)
    garbage.rename(home / "det.onnx")
    broken = Weights("no-such-package", "1", "det.onnx", digest, 10)
    with pytest.raises(ModelLoadError, match="does not load"):
        replace(SPEC, weights=(broken, broken)).load(Placement())
