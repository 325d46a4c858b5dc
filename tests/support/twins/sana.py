"""Sana: Gemma 2 as text encoder, a linear transformer, the deep-compression autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.parts import CHARACTERS, DIMS, numbered, save_pipeline, scheduler, seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import SanaPipeline

    with seeded():
        pipeline = SanaPipeline(scheduler=scheduler("DPMSolverMultistepScheduler"), **sana_parts())
        save_pipeline(folder, pipeline)


def sana_parts(**changes: Any) -> dict[str, Any]:
    """Everything but the scheduler; ``changes`` are of the transformer."""
    from diffusers import AutoencoderDC, SanaTransformer2DModel
    from transformers import Gemma2Config, Gemma2Model

    text = Gemma2Config(
        vocab_size=256,
        hidden_size=DIMS,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
    )
    facts: dict[str, Any] = {
        "in_channels": 4,
        "out_channels": 4,
        "num_layers": 1,
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "num_cross_attention_heads": 2,
        "cross_attention_head_dim": 8,
        "cross_attention_dim": 16,
        "caption_channels": DIMS,
        "sample_size": 32,
    }
    autoencoder = AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=("ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        encoder_qkv_multiscales=((), (5,)),
        decoder_qkv_multiscales=((), (5,)),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        downsample_block_type="conv",
        upsample_block_type="interpolate",
        decoder_norm_types="rms_norm",
        decoder_act_fns="silu",
        scaling_factor=0.41407,
    )
    return {
        "tokenizer": gemma_tokenizer(),
        "text_encoder": Gemma2Model(text),
        "vae": autoencoder,
        "transformer": SanaTransformer2DModel(**facts | changes),
    }


def gemma_tokenizer() -> Any:
    """Pieces of one character."""
    from transformers import GemmaTokenizer

    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", "\n"]
    return GemmaTokenizer(vocab=numbered([*specials, *CHARACTERS]), merges=[])
