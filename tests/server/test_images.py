"""Images, asked for with OpenAI's own client."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from panic_tda.content import decode_image
from panic_tda.models.dummy import MODELS

RED = (32, 224, 202)


def test_images_are_those_of_their_seeds_pixel_by_pixel(openai: OpenAI) -> None:
    answer = openai.images.generate(model="DummyT2I", prompt="Test prompt", n=2, extra_body={"seed": 42})
    assert answer.data is not None
    first, second = (decode_image(base64.b64decode(each.b64_json or "")) for each in answer.data)
    assert (first.mode, first.width, first.height, first.pixels[:3]) == ("RGB", 256, 256, bytes(RED))
    assert first.pixels == bytes(RED) * 256**2 != second.pixels


def test_a_drawn_seed_repeats_the_image(openai: OpenAI) -> None:
    def asked(**extra: Any) -> Any:
        [image] = openai.images.generate(model="DummyT2I", prompt="x", extra_body=extra).model_dump()["data"]
        return image

    first = asked()
    assert asked(seed=first["seed"]) == first


@pytest.mark.parametrize(
    ("change", "words"),
    [({"model": "DummyText"}, "text -> vector"), ({"size": "512x512"}, "width"), ({"response_format": "url"}, "b64")],
)
def test_what_cannot_be_drawn_is_a_bad_request(openai: OpenAI, change: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        openai.images.generate(**{"model": MODELS[0].name, "prompt": "x"} | change)
