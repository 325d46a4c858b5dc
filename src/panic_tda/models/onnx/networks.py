"""What is exported of a torch embedder: its network, sample inputs, and the facts of its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from panic_tda.errors import RequestError
from panic_tda.models.model import ModelSpec
from panic_tda.models.multimodal.towers import open_pair
from panic_tda.models.onnx.manifest import Array, ImageInput, TextInput
from panic_tda.models.repositories import require_folder
from panic_tda.models.sentence import MAXIMUM_TOKENS, TOKENIZER
from panic_tda.models.torch_place import loading
from panic_tda.models.torch_sentence.embedding import open_minilm, open_sentence_model
from panic_tda.signature import Kind

_POOLINGS = {"mean": "mean", "cls": "cls", "lasttoken": "last", "max": "max"}
_ARRAYS: tuple[Array, ...] = ("input_ids", "attention_mask")
_SAMPLE_TOKENS = 12


class Network(NamedTuple):
    """A torch function of named arrays; ``dynamic`` are the axes whose lengths may change, besides the first."""

    compute: Any
    sample: Mapping[str, Any]
    dynamic: tuple[int, ...]
    pooling: str
    text: TextInput | None = None
    image: ImageInput | None = None


def open_network(spec: ModelSpec, folder: Path) -> Network:
    """Loads what is to be exported and writes its tokenizer; raises ``RequestError`` where that is not possible."""
    if spec.family == "torch_sentence" and spec.repository is None:
        return _minilm(spec, folder)
    if spec.family == "torch_sentence":
        return _sentence(spec, folder)
    if spec.family == "multimodal" and spec.option("style", "pair") == "pair":
        return _tower(spec, folder)
    raise RequestError(
        f"{spec.name} cannot be exported: it is none of the embedders that sentence-transformers, SigLIP or CLIP run",
        hint="panic-tda model list --task 'text -> vector'",
    )


def _minilm(spec: ModelSpec, folder: Path) -> Network:
    (folder / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())
    text = TextInput(tokenizer="tokenizer.json", arrays=_ARRAYS, maximum_tokens=MAXIMUM_TOKENS, pad_id=0)
    return Network(_tokens_of(open_minilm(spec, "cpu")), _sample_tokens(1), (1,), "mean", text=text)


def _sentence(spec: ModelSpec, folder: Path) -> Network:
    model = open_sentence_model(spec, "cpu")
    kinds = [type(module).__name__ for module in model]
    mode = getattr(model[1], "pooling_mode", "") if len(kinds) > 1 else ""
    if kinds[:2] != ["Transformer", "Pooling"] or set(kinds[2:]) - {"Normalize"} or mode not in _POOLINGS:
        raise RequestError(
            f"{spec.name} cannot be exported: it is made of {', '.join(kinds)} with pooling {mode or 'of no kind'}",
            hint=f"poolings that can be: {', '.join(_POOLINGS)}, after one Transformer",
        )
    if spec.option("task"):
        raise RequestError(f"{spec.name} cannot be exported: it chooses an adapter for the task")
    asked = str(spec.option("prompt"))
    default = model.prompts.get(model.default_prompt_name, "") if model.default_prompt_name else ""
    prompt = model.prompts.get(asked, asked) if asked else default
    if prompt and not model[1].include_prompt:
        raise RequestError(f"{spec.name} cannot be exported: the tokens of its prompt are left out of the mean")
    text = _text_input(spec, folder, model.tokenizer, _ARRAYS, int(model.max_seq_length), prompt=prompt)
    encoder = model[0].auto_model
    encoder.config.use_cache = False
    return Network(_tokens_of(encoder), _sample_tokens(text.pad_id + 1), (1,), _POOLINGS[mode], text=text)


def _tower(spec: ModelSpec, folder: Path) -> Network:
    assert spec.repository is not None
    whole = require_folder(spec.repository, model=spec.name)
    import transformers  # noqa: F401  # so that what it says below is hushed

    with loading(spec):
        model, processor, length = open_pair(spec, whole, "cpu")
    if spec.signature.input is Kind.IMAGE:
        image = _image_input(spec, processor.image_processor)
        from PIL import Image as pillow

        sample = processor(images=[pillow.new("RGB", (64, 48), "red")] * 2, return_tensors="pt")
        pixels = {"pixel_values": sample["pixel_values"]}
        return Network(_named(model.get_image_features, ("pixel_values",)), pixels, (), "none", image=image)
    given = processor(text=["a"] * 2, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    arrays = tuple(name for name in _ARRAYS if name in given)
    text = _text_input(spec, folder, processor.tokenizer, arrays, length, padded_to=length)
    return Network(_named(model.get_text_features, arrays), {name: given[name] for name in arrays}, (), "none", text)


def _text_input(
    spec: ModelSpec, folder: Path, tokenizer: Any, arrays: tuple[Array, ...], length: int, **facts: Any
) -> TextInput:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise RequestError(f"{spec.name} cannot be exported: {type(tokenizer).__name__} is not a fast tokenizer")
    backend.save(str(folder / "tokenizer.json"))
    return TextInput(
        tokenizer="tokenizer.json",
        arrays=arrays,
        maximum_tokens=length,
        cut_side=tokenizer.truncation_side,
        padding_side=tokenizer.padding_side,
        pad_id=int(tokenizer.pad_token_id or 0),
        **facts,
    )


def _image_input(spec: ModelSpec, processor: Any) -> ImageInput:
    """What the processor of a published model does; raises ``RequestError`` for what only torch could do."""
    facts = processor.to_dict()
    if facts.get("do_pad"):
        raise RequestError(f"{spec.name} cannot be exported: its processor pads images")
    size, crop = dict(facts.get("size") or {}), dict(facts.get("crop_size") or {})
    scaled = bool(facts.get("do_resize"))
    shapes = ({"height", "width"}, {"shortest_edge"})
    if scaled and {key for key, value in size.items() if value} not in shapes:
        raise RequestError(f"{spec.name} cannot be exported: its processor scales to {size}")
    normal = bool(facts.get("do_normalize"))
    return ImageInput(
        size=(size["height"], size["width"]) if scaled and size.get("height") else None,
        shortest_edge=size.get("shortest_edge") if scaled else None,
        resample=int(facts.get("resample", 3)),
        crop=(crop["height"], crop["width"]) if facts.get("do_center_crop") else None,
        factor=float(facts["rescale_factor"]) if facts.get("do_rescale") else None,
        mean=tuple(facts["image_mean"]) if normal else (0.0, 0.0, 0.0),
        deviation=tuple(facts["image_std"]) if normal else (1.0, 1.0, 1.0),
    )


def _sample_tokens(first: int) -> dict[str, Any]:
    import torch

    ids = torch.arange(first, first + 2 * _SAMPLE_TOKENS).reshape(2, _SAMPLE_TOKENS)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def _tokens_of(encoder: Any) -> Any:
    """The vectors of the tokens of an encoder, as a module of torch."""
    import torch

    class TokenVectors(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    return TokenVectors().eval()


def _named(features: Any, names: Sequence[str]) -> Any:
    """A tower, as a module of torch with as many arguments as there are names."""
    import torch

    class Tower(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = features.__self__

        def forward(self, first: Any, second: Any = None) -> Any:
            given = dict(zip(names, (first, second), strict=False))
            found = features(**given)
            return getattr(found, "pooler_output", found)

    return Tower().eval()
