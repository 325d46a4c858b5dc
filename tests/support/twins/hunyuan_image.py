"""HunyuanImage 2.1: Qwen 2.5 VL and a byte T5 as text encoders, a transformer, an autoencoder, guiders."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import DIMS, qwen_tokenizer, save_pipeline, scheduler, seeded, t5_encoder
from support.twins.qwen_image import SIGNS, qwen25_vl


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import (
        AdaptiveProjectedMixGuidance,
        AutoencoderKLHunyuanImage,
        HunyuanImagePipeline,
        HunyuanImageTransformer2DModel,
    )
    from transformers import ByT5Tokenizer

    with seeded():
        transformer = HunyuanImageTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=12,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            patch_size=(1, 1),
            guidance_embeds=False,
            text_embed_dim=DIMS,
            text_embed_2_dim=DIMS,
            rope_axes_dim=(6, 6),
        )
        autoencoder = AutoencoderKLHunyuanImage(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            block_out_channels=(32, 64, 64),
            layers_per_block=1,
            spatial_compression_ratio=4,
            sample_size=32,
            scaling_factor=0.476986,
        )
        pipeline = HunyuanImagePipeline(
            scheduler=scheduler(shift=7.0),
            vae=autoencoder,
            text_encoder=qwen25_vl(),
            tokenizer=qwen_tokenizer(*SIGNS),
            text_encoder_2=t5_encoder(384),
            tokenizer_2=ByT5Tokenizer(),
            transformer=transformer,
            guider=AdaptiveProjectedMixGuidance(guidance_scale=3.5, enabled=True),
            ocr_guider=AdaptiveProjectedMixGuidance(guidance_scale=3.5, enabled=True),
        )
        save_pipeline(folder, pipeline)
