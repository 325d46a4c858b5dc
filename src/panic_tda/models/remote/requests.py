"""The bodies of requests, as the OpenAI shapes have them. Pure functions: contents in, JSON out."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from panic_tda.content import Content, Image, Text
from panic_tda.models.model import ModelSpec, Parameters
from panic_tda.models.remote.options import fields, parsed_body
from panic_tda.models.text_parameters import INSTRUCTIONS


def chat_request(spec: ModelSpec, content: Content, seed: int, parameters: Parameters) -> dict[str, Any]:
    """One user message: a text put into the template, or an image as a PNG of its exact pixels beside the question."""
    limit = str(spec.option("token_limit", "max_tokens"))
    sent: dict[str, Any] = {"messages": [{"role": "user", "content": _message(content, parameters)}], "seed": seed}
    names = {"temperature": "temperature", "top_p": "top_p", "max_tokens": limit}
    sent |= {field: parameters[name] for name, field in names.items() if name in parameters}
    return _complete(spec, sent)


def image_request(spec: ModelSpec, text: str, seed: int, parameters: Parameters) -> dict[str, Any]:
    """One image."""
    sent: dict[str, Any] = {"prompt": text, "n": 1, "response_format": "b64_json", "seed": seed}
    if "width" in parameters:
        sent["size"] = f"{parameters['width']}x{parameters['height']}"
    return _complete(spec, sent)


def embedding_request(spec: ModelSpec, texts: Sequence[str]) -> dict[str, Any]:
    """A vector for each of several texts."""
    sent: dict[str, Any] = {"input": list(texts), "encoding_format": spec.option("encoding", "float")}
    if spec.option("dimensions", False):
        sent["dimensions"] = spec.dims
    return _complete(spec, sent)


def _complete(spec: ModelSpec, sent: Mapping[str, Any]) -> dict[str, Any]:
    assert spec.endpoint is not None
    omitted = fields(spec.option("omit"))
    kept = {name: value for name, value in sent.items() if name not in omitted}
    return {"model": spec.endpoint.model, **kept, **(parsed_body(spec.option("body")) or {})}


def _message(content: Content, parameters: Parameters) -> str | list[dict[str, Any]]:
    instruction = str(parameters["instruction"])
    if isinstance(content, Text):
        instruction = INSTRUCTIONS.get(instruction, instruction)
        return _filled(str(parameters["template"]), {"instruction": instruction, "text": content.value})
    address = f"data:image/png;base64,{base64.b64encode(_png(content)).decode()}"
    return [{"type": "text", "text": instruction}, {"type": "image_url", "image_url": {"url": address}}]


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Braces in the values are text."""
    return re.sub(r"\{(instruction|text)\}", lambda found: values[found[1]], template)


def _png(image: Image) -> bytes:
    buffer = io.BytesIO()
    image.to_pillow().save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
