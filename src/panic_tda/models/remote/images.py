"""Text → image: one request for each input, answered with the image itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, cast

from panic_tda.content import Content, Image, Text, decode_image
from panic_tda.errors import InvalidOutput, ModelError
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.models.remote.asking import Asking, asking
from panic_tda.models.remote.requests import image_request


class RemotePainter:
    """Paints each text."""

    def __init__(self, spec: ModelSpec, asked: Asking) -> None:
        self._spec = spec
        self._asking = asked

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> list[Image | ModelError]:
        """One image for each text, of the size that was asked for."""

        def paint(text: Content, seed: int) -> Image:
            asked = image_request(self._spec, cast("Text", text).value, seed, parameters)
            image = painted(self._spec.name, self._asking.ask("/images/generations", asked))
            size = f"{image.width}x{image.height}"
            if size != asked.get("size", size):
                raise InvalidOutput(f"{self._spec.name} made {size} pixels where {asked['size']} were asked for")
            return image

        return self._asking.each(paint, inputs, seeds)

    def close(self) -> None:
        """Closes the connections."""
        self._asking.close()


def load(spec: ModelSpec, placement: Placement) -> RemotePainter:
    """Opens no connection yet; raises ``PrerequisiteError`` when offline or without the key."""
    return RemotePainter(spec, asking(spec))


def painted(name: str, reply: Mapping[str, Any]) -> Image:
    """The image in an answer; raises ``InvalidOutput``. An address in its place is not followed."""
    try:
        encoded = reply["data"][0]["b64_json"]
        data = base64.b64decode(encoded, validate=True)
    except (KeyError, IndexError, TypeError):
        raise InvalidOutput(f"{name}: the answer holds no image (data[0].b64_json)") from None
    except (binascii.Error, ValueError):
        raise InvalidOutput(f"{name}: the image in the answer is not base64") from None
    try:
        return decode_image(data)
    except Exception as fault:  # an image library may raise anything on hostile bytes
        reason = " ".join(str(fault).split())[:200]
        raise InvalidOutput(f"{name}: the image in the answer cannot be read: {reason}") from None
