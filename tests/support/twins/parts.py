"""What several twins are made of: tokenizers of single characters, text encoders and an autoencoder.

Vocabularies are written down and not trained, and weights are drawn from a fixed seed: a twin is the same each time.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from panic_tda.models.torch_place import quiet

CHARACTERS = string.ascii_letters + string.digits + string.punctuation
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for part in message.content %}"
    "{{ part.text if part.type == 'text' else IMAGE }}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A chat template; ``IMAGE`` is to be replaced by what stands for an image."""
DIMS = 32


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Inside the block torch draws from this seed, and the libraries are quiet."""
    import diffusers  # noqa: F401
    import torch
    import transformers  # noqa: F401

    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def save_pipeline(folder: Path, pipeline: Any) -> None:
    """Saves a pipeline as its publishers do."""
    for part in pipeline.components.values():
        if hasattr(part, "eval"):
            part.eval()
    pipeline.save_pretrained(folder, safe_serialization=True)


def scheduler(kind: str = "FlowMatchEulerDiscreteScheduler", **settings: Any) -> Any:
    """A scheduler of diffusers by its class."""
    import diffusers

    return getattr(diffusers, kind)(**settings)


def clip_tokenizer() -> Any:
    """77 tokens, one for each character."""
    from transformers import CLIPTokenizer

    pieces = ["<|startoftext|>", "<|endoftext|>", *CHARACTERS, *(f"{letter}</w>" for letter in CHARACTERS)]
    return CLIPTokenizer(vocab=numbered(pieces), merges=[], model_max_length=77)


def clip_text_config(**changes: Any) -> Any:
    """A text encoder of two layers."""
    from transformers import CLIPTextConfig

    facts = {
        "vocab_size": 256,
        "hidden_size": DIMS,
        "intermediate_size": 37,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "projection_dim": DIMS,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
        "hidden_act": "gelu",
    }
    return CLIPTextConfig(**facts | changes)


def t5_tokenizer() -> Any:
    """Pieces of one character, with a piece for the start of a word."""
    from transformers import T5TokenizerFast

    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return T5TokenizerFast(
        vocab=[*specials, *((letter, -3.0) for letter in CHARACTERS)], extra_ids=0, model_max_length=512
    )


def t5_encoder(vocabulary: int = 256) -> Any:
    """An encoder of two layers."""
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=vocabulary, d_model=DIMS, d_ff=37, d_kv=8, num_layers=2, num_heads=4, decoder_start_token_id=0
    )
    return T5EncoderModel(config)


def qwen_tokenizer(*specials: str) -> Any:
    """One token for each byte, padded on the right, with a chat template."""
    from transformers import Qwen2TokenizerFast

    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *specials]
    tokenizer = Qwen2TokenizerFast(vocab=numbered([*names, *byte_signs()]), merges=[], model_max_length=4096)
    tokenizer.add_special_tokens({"additional_special_tokens": names[1:]})
    tokenizer.chat_template = CHAT.replace("IMAGE", "''")
    return tokenizer


def byte_signs() -> list[str]:
    """The signs that stand for the 256 bytes."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def ascii_signs() -> list[str]:
    """The signs that stand for what can be typed, with the space and the line break."""
    return [*CHARACTERS, "Ġ", "Ċ"]


def autoencoder(channels: int = 4, **changes: Any) -> Any:
    """Two levels: latents are half as large as the picture."""
    from diffusers import AutoencoderKL

    facts = {
        "block_out_channels": (16, 16),
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D"),
        "up_block_types": ("UpDecoderBlock2D", "UpDecoderBlock2D"),
        "latent_channels": channels,
        "norm_num_groups": 8,
        "sample_size": 32,
    }
    return AutoencoderKL(**facts | changes).eval()


SMALL_UNET: Mapping[str, Any] = {
    "layers_per_block": 1,
    "sample_size": 16,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": (2, 4),
    "addition_time_embed_dim": 8,
    "transformer_layers_per_block": (1, 1),
    "projection_class_embeddings_input_dim": 48 + DIMS,
}
"""Two levels of :func:`text_time_unet`."""


def text_time_unet(**facts: Any) -> Any:
    """A U-Net that is also told the sizes of the picture, as Stable Diffusion XL's is."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        in_channels=4, out_channels=4, use_linear_projection=True, addition_embed_type="text_time", **facts
    )


def save_processor(folder: Path, kind: str, images: Any, tokenizer: Any, template: str, **facts: Any) -> None:
    """Writes what a processor is made of, where that processor itself would ask for torchvision."""
    images.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    written = {
        "preprocessor_config.json": {**settings, "processor_class": kind},
        "processor_config.json": {**facts, "processor_class": kind},
    }
    for name, content in written.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def numbered(pieces: list[str]) -> dict[str, int]:
    """A vocabulary."""
    return {piece: number for number, piece in enumerate(pieces)}
