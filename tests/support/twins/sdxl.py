"""Stable Diffusion XL: two text encoders, a U-Net, an autoencoder."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import DIMS, autoencoder, clip_text_config, clip_tokenizer, scheduler, seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    with seeded():
        unet = UNet2DConditionModel(
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=8,
            sample_size=16,
            in_channels=4,
            out_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=(2, 4),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=(1, 1),
            projection_class_embeddings_input_dim=48 + DIMS,
            cross_attention_dim=2 * DIMS,
        )
        pipeline = StableDiffusionXLPipeline(
            unet=unet,
            scheduler=scheduler("EulerAncestralDiscreteScheduler", timestep_spacing="trailing"),
            vae=autoencoder(),
            text_encoder=CLIPTextModel(clip_text_config()),
            tokenizer=clip_tokenizer(),
            text_encoder_2=CLIPTextModelWithProjection(clip_text_config()),
            tokenizer_2=clip_tokenizer(),
            add_watermarker=False,
        )
        pipeline.save_pretrained(folder, safe_serialization=True, variant="fp16")
