"""FLUX.2 dev: the hidden states of layers 10, 20 and 30 of a Mistral 3, a transformer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.twins.flux2_klein import TEXT, flux2_autoencoder, flux2_transformer
from support.twins.llama import byte_tokenizer
from support.twins.parts import CHAT, save_pipeline, save_processor, scheduler, seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import Flux2Pipeline

    with seeded():
        pipeline = Flux2Pipeline(
            scheduler=scheduler(),
            vae=flux2_autoencoder(),
            text_encoder=mistral3(layers=31),
            tokenizer=_tokenizer(""),
            transformer=flux2_transformer(guidance_embeds=True),
        )
        save_pipeline(folder, pipeline)
        save_pixtral_processor(folder / "tokenizer")
        index = folder / "model_index.json"
        named = json.loads(index.read_text(encoding="utf-8")) | {"tokenizer": ["transformers", "PixtralProcessor"]}
        index.write_text(json.dumps(named), encoding="utf-8")


def mistral3(layers: int) -> Any:
    """A language model that can see."""
    from transformers import Mistral3Config, Mistral3ForConditionalGeneration

    text = {
        "model_type": "mistral",
        "vocab_size": 512,
        "hidden_size": TEXT,
        "intermediate_size": 16,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
    }
    vision = {
        "model_type": "pixtral",
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 4,
        "head_dim": 8,
    }
    return Mistral3ForConditionalGeneration(Mistral3Config(text_config=text, vision_config=vision, image_token_index=4))


def save_pixtral_processor(folder: Path) -> None:
    """Bytes as tokens, images as rows of patches."""
    from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

    images = PixtralImageProcessorPil(size={"longest_edge": 32}, patch_size={"height": 4, "width": 4})
    template = "{{ bos_token }}" + CHAT.replace("IMAGE", "'[IMG]'")
    save_processor(folder, "PixtralProcessor", images, _tokenizer(template), template, patch_size=4)


def _tokenizer(template: str) -> Any:
    tokenizer = byte_tokenizer("[IMG]", "[IMG_BREAK]", "[IMG_END]", "<|im_start|>", "<|im_end|>")
    tokenizer.chat_template = template
    return tokenizer
