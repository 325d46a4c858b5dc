"""CLIP: a text and a vision tower."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import clip_tokenizer, seeded
from support.twins.siglip import tower_facts


def build(folder: Path, dims: int = 768) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers import CLIPConfig, CLIPModel, CLIPProcessor
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        layer = tower_facts(32) | {"projection_dim": dims}
        ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
        config = CLIPConfig(
            text_config={**layer, **ends, "vocab_size": 256, "max_position_embeddings": 77},
            vision_config={**layer, "image_size": 16, "patch_size": 8},
            projection_dim=dims,
        )
        CLIPModel(config).eval().save_pretrained(folder)
        picture = CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
        CLIPProcessor(image_processor=picture, tokenizer=clip_tokenizer()).save_pretrained(folder)
