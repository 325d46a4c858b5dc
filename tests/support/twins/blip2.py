"""BLIP-2: a vision encoder, a querying transformer, and OPT."""

from __future__ import annotations

from pathlib import Path

from support.twins.llama import byte_tokenizer, loud
from support.twins.parts import seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor
        from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

        size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
        config = Blip2Config(
            vision_config={**size, "image_size": 32, "patch_size": 8, "initializer_range": 0.02},
            qformer_config={**size, "vocab_size": 64, "encoder_hidden_size": 32, "cross_attention_frequency": 1},
            text_config={
                "model_type": "opt",
                "vocab_size": 112,
                "hidden_size": 32,
                "ffn_dim": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "word_embed_proj_dim": 32,
                "max_position_embeddings": 256,
                "pad_token_id": 3,
                "bos_token_id": 1,
                "eos_token_id": 2,
            },
            num_query_tokens=4,
            image_text_hidden_size=16,
            image_token_index=4,
        )
        loud(Blip2ForConditionalGeneration(config)).save_pretrained(folder)
        Blip2Processor(
            image_processor=BlipImageProcessorPil(size={"height": 32, "width": 32}),
            tokenizer=byte_tokenizer("<image>"),
            num_query_tokens=4,
        ).save_pretrained(folder)
