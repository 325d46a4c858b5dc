"""SigLIP: a text and a vision tower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.parts import seeded


def build(folder: Path, dims: int = 768) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers import SiglipConfig, SiglipModel, SiglipProcessor
        from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

        from support.twins.sana import gemma_tokenizer

        layer = tower_facts(dims)
        config = SiglipConfig(
            text_config={**layer, "vocab_size": 256, "max_position_embeddings": 64, "projection_size": dims},
            vision_config={**layer, "image_size": 16, "patch_size": 8},
        )
        SiglipModel(config).eval().save_pretrained(folder)
        picture = SiglipImageProcessorPil(size={"height": 16, "width": 16})
        SiglipProcessor(image_processor=picture, tokenizer=gemma_tokenizer()).save_pretrained(folder)


def tower_facts(dims: int) -> dict[str, Any]:
    """One layer as wide as the vectors."""
    return {"hidden_size": dims, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4}
