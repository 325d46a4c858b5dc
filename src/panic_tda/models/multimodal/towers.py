"""Text and image → vector in one space: SigLIP and CLIP by transformers, others by the code they bring.

A model has two towers, and each is an entry of the catalogue. Texts are padded to one length and images scaled to one
size, so every call has the same shape.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, cast

from panic_tda.content import Content, Image, Text
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.purpose import Purpose
from panic_tda.models.repositories import require_folder
from panic_tda.models.torch_place import load_whole, loading, torch_device, torch_dtype
from panic_tda.models.torch_sentence.embedding import TorchEmbedder
from panic_tda.signature import Kind

Measuring: TypeAlias = tuple[Callable[[Content], Any], Callable[[str, Purpose], bool] | None]
"""What gives the raw vector of a content; and whether a text is longer than the model reads, where that is known."""


def load(spec: ModelSpec, placement: Placement) -> TorchEmbedder:
    """Loads the model; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    assert spec.repository is not None
    folder = require_folder(spec.repository, model=spec.name)
    device = torch_device(spec, placement)
    import transformers  # noqa: F401  # so that what it says below is hushed

    with loading(spec):
        prepare = {"pair": _pair, "encode": _encoding, "class_token": _class_token}[str(spec.option("style", "pair"))]
        measure, exceeds = prepare(spec, folder, device)
    return TorchEmbedder(spec, lambda contents: map(measure, contents), placement.threads, exceeds=exceeds)


def on_white(content: Content) -> Any:
    """The image without transparency, as Pillow has it."""
    picture = cast("Image", content).to_pillow()
    if picture.mode == "RGB":
        return picture
    from PIL import Image as pillow

    white = pillow.new("RGBA", picture.size, "white")
    return pillow.alpha_composite(white, picture).convert("RGB")


def _pair(spec: ModelSpec, folder: Path, device: str) -> Measuring:
    """``get_text_features`` and ``get_image_features``, as SigLIP and CLIP have them."""
    model, processor, length = open_pair(spec, folder, device)

    def of_text(content: Content) -> Any:
        text = [cast("Text", content).value]
        given = processor(text=text, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        return _features(model.get_text_features(**given.to(device)))

    def of_image(content: Content) -> Any:
        given = processor(images=[on_white(content)], return_tensors="pt").to(device, torch_dtype(spec))
        return _features(model.get_image_features(**given))

    def exceeds(text: str, _: Purpose) -> bool:
        return bool(len(processor.tokenizer(text, truncation=False, verbose=False).input_ids) > length)

    return (of_text, exceeds) if spec.signature.input is Kind.TEXT else (of_image, None)


def open_pair(spec: ModelSpec, folder: Path, device: str) -> tuple[Any, Any, int]:
    """The model, its processor, and the number of tokens that every text is padded to."""
    from transformers import AutoProcessor

    model = load_whole(spec, "AutoModel", folder, device)
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    return model, processor, model.config.text_config.max_position_embeddings


def _features(found: Any) -> Any:
    return getattr(found, "pooler_output", found)[0]


def _encoding(spec: ModelSpec, folder: Path, device: str) -> Measuring:
    """``encode_text`` and ``encode_image``, as Jina CLIP has them."""
    model = load_whole(spec, "AutoModel", folder, device)
    if spec.signature.input is Kind.TEXT:
        return lambda content: model.encode_text([cast("Text", content).value])[0], None
    return lambda content: model.encode_image([on_white(content)])[0], None


def _class_token(spec: ModelSpec, folder: Path, device: str) -> Measuring:
    """The first token of the last layer, as Nomic Embed vision has it."""
    from transformers import AutoImageProcessor

    model = load_whole(spec, "AutoModel", folder, device)
    processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)

    def of_image(content: Content) -> Any:
        given = processor(images=[on_white(content)], return_tensors="pt").to(device, torch_dtype(spec))
        return model(**given).last_hidden_state[0, 0]

    return of_image, None
