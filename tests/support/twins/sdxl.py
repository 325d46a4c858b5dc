"""Stable Diffusion XL: two text encoders, a U-Net, an autoencoder."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import DIMS, autoencoder, clip_text_config, clip_tokenizer, scheduler, seeded, text_time_unet


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    with seeded():
        pipeline = StableDiffusionXLPipeline(
            unet=text_time_unet(channels=(16, 32), groups=8, text_dims=2 * DIMS),
            scheduler=scheduler("EulerAncestralDiscreteScheduler", timestep_spacing="trailing"),
            vae=autoencoder(),
            text_encoder=CLIPTextModel(clip_text_config()),
            tokenizer=clip_tokenizer(),
            text_encoder_2=CLIPTextModelWithProjection(clip_text_config()),
            tokenizer_2=clip_tokenizer(),
            add_watermarker=False,
        )
        pipeline.save_pretrained(folder, safe_serialization=True, variant="fp16")
