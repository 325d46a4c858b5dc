"""Image → text: PP-OCR (detection, then recognition) run by the ``rapidocr`` package with onnxruntime.

Against the package's defaults: the detector sees the image as it is (theirs enlarges the short side to 736
pixels, ten times slower on small images), upside-down lines are not looked for, and one line goes into each
call of the recogniser, so that no line is padded to the width of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Content, Image, Text
from panic_tda.errors import ModelLoadError
from panic_tda.models.model import ModelSpec, Parameter, Parameters, Placement
from panic_tda.models.weights import Weights, require
from panic_tda.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LONGEST_SIDE = 960


class RapidOCR:
    """Reads the lines of an image, top to bottom and left to right, joined by one space."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Text]:
        """One text for each image, empty where nothing is recognised. Seeds change nothing."""
        return [self._read(cast("Image", image), float(parameters["confidence"])) for image in inputs]

    def close(self) -> None:
        """Frees the weights."""
        del self._engine

    def _read(self, image: Image, confidence: float) -> Text:
        found = self._engine(_blue_green_red(image), use_det=True, text_score=confidence)
        if found.txts is None or found.boxes is None:
            return Text("")
        lines = [" ".join(found.txts[index].split()) for index in reading_order(found.boxes)]
        return Text(" ".join(line for line in lines if line))


def reading_order(boxes: NDArray[np.floating[Any]]) -> list[int]:
    """Indices of text boxes from top to bottom, and from left to right within a row.

    ``boxes`` has the shape (n, 4, 2): the corners (x, y) of each. A box belongs to a row when its centre lies
    within half the height of the row's first box.
    """
    centres = boxes[:, :, 1].mean(axis=1)
    heights = boxes[:, :, 1].max(axis=1) - boxes[:, :, 1].min(axis=1)
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=lambda box: float(centres[box])):
        first = rows[-1][0] if rows else None
        if first is not None and centres[index] - centres[first] < heights[first] / 2:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [index for row in rows for index in sorted(row, key=lambda box: float(boxes[box, :, 0].min()))]


def load(spec: ModelSpec, placement: Placement) -> RapidOCR:
    """Loads both networks; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    detector, recogniser = (str(require(weights, model=spec.name)) for weights in spec.weights)
    import rapidocr

    threads = placement.threads
    settings = {
        "Global.log_level": "critical",
        "Global.use_cls": False,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "Det.model_path": detector,
        "Det.limit_type": "max",
        "Det.limit_side_len": _LONGEST_SIDE,
        "Rec.model_path": recogniser,
        "Rec.rec_batch_num": 1,
    }
    try:
        engine = rapidocr.RapidOCR(params=settings)
        _load_both_networks(engine)
    except Exception as fault:  # rapidocr and onnxruntime have no common base class for their errors
        raise ModelLoadError(f"{spec.name} does not load: {fault}") from fault
    return RapidOCR(engine)


def _load_both_networks(engine: Any) -> None:
    """The engine loads lazily: a blank image through the recogniser alone, then through the detector."""
    import numpy as np

    blank = np.full((48, 320, 3), 255, np.uint8)
    engine(blank, use_det=False)
    engine(blank, use_det=True)


def _blue_green_red(image: Image) -> NDArray[np.uint8]:
    """The pixels as OpenCV orders them, uint8 of shape (height, width, 3); alpha is laid over white."""
    import numpy as np

    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, -1)
    if image.mode == "RGBA":
        alpha = pixels[..., 3:].astype(np.uint16)
        pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    return np.ascontiguousarray(pixels[..., ::-1])


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="RapidOCR",
        family="ocr",
        signature=Signature.parse("image -> text"),
        summary="reads the text in an image (PP-OCRv6 small)",
        loader="panic_tda.models.ocr:load",
        licence="Apache-2.0",
        source="https://github.com/RapidAI/RapidOCR",
        twin="tests/models/test_ocr.py",
        memory_bytes=320_000_000,
        weights=(
            Weights(
                distribution="rapidocr",
                distribution_version="3.10.0",
                path="rapidocr/models/PP-OCRv6_det_small.onnx",
                sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
                size=9_929_594,
            ),
            Weights(
                distribution="rapidocr",
                distribution_version="3.10.0",
                path="rapidocr/models/PP-OCRv6_rec_small.onnx",
                sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
                size=21_234_383,
            ),
        ),
        parameters=(Parameter("confidence", 0.5, "lines read with less are left out", minimum=0.0, maximum=1.0),),
        batch_size=4,
        requires=("rapidocr", "onnxruntime"),
    ),
)
