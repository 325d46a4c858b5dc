"""Stable Diffusion 3.5: two CLIP text encoders, T5 (which the catalogue leaves out), a transformer."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import (
    DIMS,
    autoencoder,
    clip_text_config,
    clip_tokenizer,
    save_pipeline,
    scheduler,
    seeded,
    t5_encoder,
    t5_tokenizer,
)


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import CLIPTextModelWithProjection

    with seeded():
        transformer = SD3Transformer2DModel(
            sample_size=32,
            patch_size=1,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=32,
            joint_attention_dim=2 * DIMS,
            pooled_projection_dim=2 * DIMS,
            out_channels=4,
            qk_norm="rms_norm",
        )
        pipeline = StableDiffusion3Pipeline(
            transformer=transformer,
            scheduler=scheduler(),
            vae=autoencoder(4, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06, scaling_factor=1.5),
            text_encoder=CLIPTextModelWithProjection(clip_text_config()),
            tokenizer=clip_tokenizer(),
            text_encoder_2=CLIPTextModelWithProjection(clip_text_config()),
            tokenizer_2=clip_tokenizer(),
            text_encoder_3=t5_encoder(),
            tokenizer_3=t5_tokenizer(),
        )
        save_pipeline(folder, pipeline)
