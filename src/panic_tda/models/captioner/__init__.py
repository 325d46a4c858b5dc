"""Image → text: the captioners of the catalogue."""

from __future__ import annotations

from panic_tda.errors import ConfigurationError
from panic_tda.models.model import ModelSpec, Parameter, ParameterValue
from panic_tda.models.repositories import Repository
from panic_tda.models.shelf import Added
from panic_tda.models.text_parameters import ABOUT_IMAGE, max_tokens, temperature, top_p
from panic_tda.models.torch_entry import PATTERNS, Facts, facts_of, torch_entry

_SUBSET = (*PATTERNS, "*.jinja", "*.py")
_TOP_P = top_p(0.9)


def _tokens(most: int) -> Parameter:
    return max_tokens(most, 4096, "longest caption")


def _beams(count: int) -> Parameter:
    return Parameter("beams", count, "width of the beam search", minimum=1, maximum=32)


def _chat(tokens: int) -> tuple[Parameter, ...]:
    return (ABOUT_IMAGE, _tokens(tokens), temperature(0.0), _TOP_P)


_STYLES: dict[str, tuple[Parameter, ...]] = {
    "blip": (_tokens(50), _beams(5), temperature(1.0), _TOP_P),
    "florence": (
        Parameter(
            "task",
            "<MORE_DETAILED_CAPTION>",
            "what the model is asked for",
            choices=("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>", "<OCR>"),
        ),
        _tokens(1024),
        _beams(3),
    ),
    "chat": _chat(100),
    "moondream": (Parameter("length", "short", "of the caption", choices=("short", "normal", "long")),),
}


def _row(
    name: str,
    style: str,
    repository: Repository,
    summary: str,
    licence: str,
    gigabytes: float,
    *,
    twin: str,
    dtype: str = "bfloat16",
    tokens: int = 0,
    gated: bool = False,
    non_commercial: bool = False,
    requires: tuple[str, ...] = (),
) -> ModelSpec:
    return torch_entry(
        name,
        "captioner",
        "image -> text",
        "captioner.reading",
        Facts(repository, summary, licence, gigabytes),
        twin=twin,
        libraries=("transformers", *requires),
        parameters=_chat(tokens) if tokens else _STYLES[style],
        dtype=dtype,
        batch_size=4,
        gated=gated,
        non_commercial=non_commercial,
        options=(("style", style), *((("quantisation", "none"),) if style == "chat" else ())),
    )


def _hub(name: str, *, remote_code: bool = False) -> Repository:
    return Repository(name, subset=_SUBSET, remote_code=remote_code)


def added(name: str, entry: Added) -> ModelSpec:
    """A folder in the format of transformers; options: style (blip, florence, chat, moondream), dtype."""
    given: dict[str, ParameterValue] = dict(entry.options)
    style = str(given.get("style", "chat"))
    if style not in _STYLES:
        raise ConfigurationError([f"style must be one of {', '.join(_STYLES)}, not {style!r}"])
    return _row(
        name,
        style,
        *facts_of(entry),
        twin="qwen25_vl",
        dtype=str(given.get("dtype", "bfloat16")),
    )


MODELS: tuple[ModelSpec, ...] = (
    _row(
        "Moondream",
        "moondream",
        _hub("vikhyatk/moondream2", remote_code=True),
        "Moondream 2, 1.9 B parameters; short captions",
        "Apache-2.0",
        5,
        twin="moondream",
    ),
    _row(
        "BLIP2",
        "blip",
        _hub("Salesforce/blip2-opt-2.7b"),
        "BLIP-2 with OPT 2.7 B, 3.7 B parameters; a beam search that samples by the seed",
        "MIT",
        9,
        twin="blip2",
        dtype="float16",
    ),
    _row(
        "Florence2",
        "florence",
        _hub("florence-community/Florence-2-base"),
        "Florence-2 base, 0.23 B parameters; detailed captions",
        "MIT",
        1.2,
        twin="florence2",
        dtype="float32",
    ),
    _row(
        "Florence2Large",
        "florence",
        _hub("florence-community/Florence-2-large-ft"),
        "Florence-2 large, fine-tuned, 0.77 B parameters; detailed captions",
        "MIT",
        3.8,
        twin="florence2",
        dtype="float32",
    ),
    _row(
        "Qwen25VL",
        "chat",
        _hub("Qwen/Qwen2.5-VL-7B-Instruct"),
        "Qwen 2.5 VL, 8.3 B parameters",
        "Apache-2.0",
        20,
        twin="qwen25_vl",
        tokens=128,
    ),
    _row(
        "Gemma3n",
        "chat",
        _hub("google/gemma-3n-E2B-it"),
        "Gemma 3n E2B, 5.4 B parameters",
        "Gemma terms of use",
        14,
        twin="gemma3n",
        tokens=100,
        gated=True,
        requires=("timm",),
    ),
    _row(
        "Pixtral",
        "chat",
        _hub("mistral-community/pixtral-12b"),
        "Pixtral, 12 B parameters",
        "Apache-2.0",
        28,
        twin="pixtral",
        tokens=100,
    ),
    _row(
        "LLaMA32Vision",
        "chat",
        _hub("meta-llama/Llama-3.2-11B-Vision-Instruct"),
        "Llama 3.2 Vision, 10.7 B parameters",
        "Llama 3.2 community licence: its vision models not in the EU",
        25,
        twin="llama_vision",
        tokens=128,
        gated=True,
    ),
    _row(
        "LLaVA16",
        "chat",
        _hub("llava-hf/llava-v1.6-mistral-7b-hf"),
        "LLaVA 1.6 with Mistral, 7.6 B parameters",
        "Apache-2.0",
        18,
        twin="llava_next",
        dtype="float16",
        tokens=100,
    ),
)
