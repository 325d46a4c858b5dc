"""Qwen 2.5 VL: a chat model that can see."""

from __future__ import annotations

from pathlib import Path

from support.twins.llama import loud
from support.twins.parts import CHAT, qwen_tokenizer, save_processor, seeded
from support.twins.qwen_image import SIGNS, qwen25_vl

_IMAGE = "'<|vision_start|><|image_pad|><|vision_end|>'"


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        loud(qwen25_vl()).save_pretrained(folder)
        tokenizer = qwen_tokenizer(*SIGNS)
        template = CHAT.replace("IMAGE", _IMAGE)
        tokenizer.chat_template = template
        images = Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 56, patch_size=14)
        save_processor(folder, "Qwen2_5_VLProcessor", images, tokenizer, template)
