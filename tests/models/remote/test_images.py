"""Images: what is asked for, and what comes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from panic_tda.content import Image, Text, decode_image
from panic_tda.errors import InvalidOutput, ModelError
from support.openai_server import OpenAIServer, answer, painting, png
from support.remote import generator, remote_spec, server, still

__all__ = ["server", "still"]


def painted(server: OpenAIServer, *prompts: str, width: int = 24, **options: Any) -> list[Any]:
    spec = remote_spec(server.url, "text->image", **options)
    sides = {"width": width, "height": 16} if spec.parameters else {}
    with generator(spec) as model:
        return list(model.generate([Text(each) for each in prompts], range(len(prompts)), spec.with_defaults(sides)))


def test_images_come_pixel_for_pixel_in_the_order_of_the_prompts(server: OpenAIServer) -> None:
    prompts = [f"a boat {number}" for number in range(6)]
    assert painted(server, *prompts) == [painting(prompt, seed, 24, 16) for seed, prompt in enumerate(prompts)]
    sent = next(each.body for each in server.asked if each.body["seed"] == 1)
    assert sent == {
        "model": "m",
        "prompt": "a boat 1",
        "n": 1,
        "response_format": "b64_json",
        "seed": 1,
        "size": "24x16",
    }


def test_where_no_size_is_sent_any_size_will_do(server: OpenAIServer) -> None:
    body = json.dumps({"quality": "low"})
    [image] = painted(server, "a", omit="size,response_format,seed", body=body)
    assert (image.width, image.height) == (32, 32)
    assert server.asked[0].body == {"model": "m", "prompt": "a", "n": 1, "quality": "low"}


def packed(data: bytes) -> dict[str, Any]:
    return {"data": [{"b64_json": base64.b64encode(data).decode()}]}


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (packed(png()), "Far made 2x2 pixels where 24x16 were asked for"),
        (packed(b"no image at all"), "the image in the answer cannot be read: "),
        (packed(png()[:40]), "the image in the answer cannot be read: "),
        ({"data": [{"b64_json": "%%%"}]}, "the image in the answer is not base64"),
        ({"data": [{"url": "https://elsewhere.example/a.png"}]}, r"holds no image \(data\[0\].b64_json\)"),
        ({"data": []}, "holds no image"),
        ({"data": [{"b64_json": None}]}, "holds no image"),
        ({"images": 1}, "holds no image"),
    ],
)
def test_what_is_no_image_is_a_typed_error(server: OpenAIServer, reply: Any, message: str) -> None:
    server.always = answer(reply)
    [found] = painted(server, "a")
    assert isinstance(found, InvalidOutput)
    with pytest.raises(ModelError, match=message):
        raise found


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_any_mode_of_an_image_becomes_one_that_is_known(server: OpenAIServer, mode: str) -> None:
    server.always = answer(packed(png(mode, (24, 16))))
    [image] = painted(server, "a")
    assert isinstance(image, Image)
    assert image == decode_image(png(mode, (24, 16)))
