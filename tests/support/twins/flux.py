"""FLUX.1: CLIP and T5 text encoders, a transformer."""

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
    from diffusers import FluxPipeline, FluxTransformer2DModel
    from transformers import CLIPTextModel

    with seeded():
        transformer = FluxTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=DIMS,
            pooled_projection_dim=DIMS,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=True,
        )
        pipeline = FluxPipeline(
            scheduler=scheduler(),
            vae=autoencoder(4, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.0, scaling_factor=1.5),
            text_encoder=CLIPTextModel(clip_text_config()),
            tokenizer=clip_tokenizer(),
            text_encoder_2=t5_encoder(),
            tokenizer_2=t5_tokenizer(),
            transformer=transformer,
        )
        save_pipeline(folder, pipeline)
