"""Image → vector: pixels as the exported model's own processor makes them, with Pillow and numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Content
from panic_tda.errors import ModelError
from panic_tda.models.model import ModelSpec, Tier
from panic_tda.models.multimodal.towers import on_white
from panic_tda.models.onnx.manifest import ImageInput
from panic_tda.models.onnx.sessions import Session
from panic_tda.models.onnx.vectors import POOLINGS, unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector

    Pixels = NDArray[np.float32]

_TOGETHER = 8


class PictureEmbedder:
    """Image → vector; images share a call at tier ``seeded`` only."""

    def __init__(self, spec: ModelSpec, session: Session, facts: ImageInput, pooling: str) -> None:
        self._spec = spec
        self._session = session
        self._facts = facts
        self._pooling = pooling
        self._rows = 1 if spec.tier is Tier.EXACT else _TOGETHER

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One float32 vector of the entry's ``dims`` for each image, of length 1."""
        import numpy as np

        made: list[Vector | ModelError] = []
        for start in range(0, len(inputs), self._rows):
            part = [pixels(on_white(each), self._facts) for each in inputs[start : start + self._rows]]
            outputs = self._session.compute({"pixel_values": np.stack(part)})
            made += [unit(self._spec, POOLINGS.get(self._pooling, _itself)(output)) for output in outputs]
        return made

    def close(self) -> None:
        """Frees the weights."""
        self._session.close()


def pixels(picture: Any, facts: ImageInput) -> Pixels:
    """What the network sees of an RGB picture: float32, shape (3, height, width)."""
    import numpy as np

    if size := _scaled_size(picture, facts):
        picture = picture.resize((size[1], size[0]), facts.resample)
    array = np.asarray(picture)
    array = _middle(array, facts.crop) if facts.crop else array
    values = (array.astype(np.float64) * facts.factor).astype(np.float32) if facts.factor else array.astype(np.float32)
    mean, deviation = (np.array(each, np.float32) for each in (facts.mean, facts.deviation))
    return cast("Pixels", np.ascontiguousarray(((values - mean) / deviation).transpose(2, 0, 1)))


def _scaled_size(picture: Any, facts: ImageInput) -> tuple[int, int] | None:
    """Height and width after scaling."""
    if facts.shortest_edge is None:
        return facts.size
    width, height = picture.size
    longest = int(facts.shortest_edge * max(width, height) / min(width, height))
    return (longest, facts.shortest_edge) if width <= height else (facts.shortest_edge, longest)


def _middle(array: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The middle of a picture; where that is smaller, with black around it."""
    import numpy as np

    before = [max(0, -((have - want) // 2)) for have, want in zip(array.shape, size, strict=False)]
    missing = [max(0, want - have) for have, want in zip(array.shape, size, strict=False)]
    widths = [(first, both - first) for first, both in zip(before, missing, strict=True)]
    padded = np.pad(array, [*widths, (0, 0)])
    top, left = (max(0, (have - want) // 2) for have, want in zip(array.shape, size, strict=False))
    return padded[top : top + size[0], left : left + size[1]]


def _itself(output: Pixels) -> Pixels:
    return output
