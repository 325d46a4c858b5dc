"""Image → text through transformers, one image in each call: a caption depends on image, seed and parameters only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelError, ModelLoadError, SignatureError
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.models.multimodal.towers import on_white
from panic_tda.models.processors import load_processor
from panic_tda.models.repositories import require_folder
from panic_tda.models.torch_place import (
    computing,
    generation_settings,
    load_whole,
    loading,
    quiet,
    release,
    sampling,
    torch_device,
    torch_dtype,
)

Caption: TypeAlias = Callable[[Any, int, Parameters], str]

_STYLES_OF = {
    "blip-2": "blip",
    "florence2": "florence",
    "moondream1": "moondream",
    "hf_moondream": "moondream",
    "moondream": "moondream",
}


class Captioner:
    """Says what is in each image."""

    def __init__(self, spec: ModelSpec, caption: Caption, threads: int) -> None:
        self._spec = spec
        self._caption = caption
        self._threads = threads

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> list[Text | ModelError]:
        """One text for each image, stripped of outer white space."""
        with computing(self._threads), quiet():
            return [self._said(image, seed, parameters) for image, seed in zip(inputs, seeds, strict=True)]

    def close(self) -> None:
        """Frees the weights."""
        del self._caption
        release()

    def _said(self, image: Content, seed: int, parameters: Parameters) -> Text | ModelError:
        try:
            return Text(self._caption(on_white(image), seed, parameters).strip())
        except SignatureError as fault:
            return InvalidOutput(f"{self._spec.name}: {fault.message}")


def load(spec: ModelSpec, placement: Placement) -> Captioner:
    """Loads the model; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    assert spec.repository is not None
    folder = require_folder(spec.repository, model=spec.name)
    device = torch_device(spec, placement)
    import transformers  # noqa: F401  # so that what it says below is hushed

    style = str(spec.option("style")) or style_of(folder, spec.name)
    with loading(spec):
        prepare = {"blip": _blip, "florence": _florence, "chat": _chat, "moondream": _moondream}[style]
        return Captioner(spec, prepare(spec, folder, device), placement.threads)


def style_of(folder: Path, model: str) -> str:
    """How a model is asked, by the type in its ``config.json``; raises ``ModelLoadError``."""
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise ModelLoadError(
            f"{model}: {folder} has no config.json that names a model_type: {fault}",
            hint="name a folder in the format of transformers, with config.json in it",
        ) from None
    return _STYLES_OF.get(kind, "chat")


def _blip(spec: ModelSpec, folder: Path, device: str) -> Caption:
    model, processor = load_whole(spec, "Blip2ForConditionalGeneration", folder, device), load_processor(folder)

    def caption(image: Any, seed: int, parameters: Parameters) -> str:
        given = processor(images=image, return_tensors="pt").to(device, torch_dtype(spec))
        with sampling(seed, device):
            made = model.generate(**given, **generation_settings(parameters))
        return str(processor.batch_decode(made, skip_special_tokens=True)[0])

    return caption


def _florence(spec: ModelSpec, folder: Path, device: str) -> Caption:
    model, processor = load_whole(spec, "Florence2ForConditionalGeneration", folder, device), load_processor(folder)

    def caption(image: Any, seed: int, parameters: Parameters) -> str:
        given = processor(text=parameters["task"], images=image, return_tensors="pt").to(device, torch_dtype(spec))
        made = model.generate(**given, **generation_settings(parameters))
        return str(processor.batch_decode(made, skip_special_tokens=True)[0])

    return caption


def _chat(spec: ModelSpec, folder: Path, device: str) -> Caption:
    model, processor = load_whole(spec, "AutoModelForImageTextToText", folder, device), load_processor(folder)

    def caption(image: Any, seed: int, parameters: Parameters) -> str:
        question = [{"type": "image", "image": image}, {"type": "text", "text": str(parameters["instruction"])}]
        given = processor.apply_chat_template(
            [[{"role": "user", "content": question}]],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(device, torch_dtype(spec))
        with sampling(seed, device):
            made = model.generate(**given, **generation_settings(parameters))
        return str(processor.batch_decode(made[:, given["input_ids"].shape[1] :], skip_special_tokens=True)[0])

    return caption


def _moondream(spec: ModelSpec, folder: Path, device: str) -> Caption:
    model = load_whole(spec, "AutoModelForCausalLM", folder, device)

    def caption(image: Any, seed: int, parameters: Parameters) -> str:
        with sampling(seed, device):
            return cast("str", model.caption(image, length=parameters["length"])["caption"])

    return caption
