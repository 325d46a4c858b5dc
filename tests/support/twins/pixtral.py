"""Pixtral: LLaVA's layout with a vision encoder for images of any shape, and Mistral."""

from __future__ import annotations

from pathlib import Path

from support.twins.flux2 import save_pixtral_processor
from support.twins.llama import loud
from support.twins.parts import seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers import LlavaConfig, LlavaForConditionalGeneration

        config = LlavaConfig(
            text_config={
                "model_type": "mistral",
                "vocab_size": 112,
                "hidden_size": 32,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "head_dim": 8,
                "bos_token_id": 1,
                "eos_token_id": 2,
                "pad_token_id": 3,
            },
            vision_config={
                "model_type": "pixtral",
                "hidden_size": 32,
                "intermediate_size": 32,
                "num_hidden_layers": 1,
                "num_attention_heads": 4,
                "image_size": 32,
                "patch_size": 4,
                "head_dim": 8,
            },
            image_token_id=4,
            image_token_index=4,
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
        )
        loud(LlavaForConditionalGeneration(config)).save_pretrained(folder)
        save_pixtral_processor(folder)
