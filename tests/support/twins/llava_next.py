"""LLaVA 1.6: a CLIP that looks at an image whole and in tiles, and Mistral."""

from __future__ import annotations

from pathlib import Path

from support.twins.llama import byte_tokenizer, loud
from support.twins.parts import CHAT, seeded

_TILES = [[16, 16], [16, 32], [32, 16]]


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers import LlavaNextConfig, LlavaNextForConditionalGeneration
        from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
        from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor

        size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
        config = LlavaNextConfig(
            vision_config={**size, "model_type": "clip_vision_model", "image_size": 16, "patch_size": 8},
            text_config={
                **size,
                "model_type": "mistral",
                "vocab_size": 112,
                "num_key_value_heads": 2,
                "head_dim": 8,
                "bos_token_id": 1,
                "eos_token_id": 2,
                "pad_token_id": 3,
            },
            image_token_index=4,
            image_grid_pinpoints=_TILES,
            image_seq_length=4,
        )
        loud(LlavaNextForConditionalGeneration(config)).save_pretrained(folder)
        template = CHAT.replace("IMAGE", "'<image>'")
        tokenizer = byte_tokenizer("<image>", "<|im_start|>", "<|im_end|>")
        tokenizer.chat_template = template
        LlavaNextProcessor(
            image_processor=LlavaNextImageProcessorPil(
                size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}, image_grid_pinpoints=_TILES
            ),
            tokenizer=tokenizer,
            patch_size=8,
            vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
            chat_template=template,
        ).save_pretrained(folder)
