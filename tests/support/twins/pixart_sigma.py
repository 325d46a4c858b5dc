"""PixArt-Sigma: T5 as text encoder, a transformer."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import DIMS, autoencoder, save_pipeline, scheduler, seeded, t5_encoder, t5_tokenizer


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import PixArtSigmaPipeline, PixArtTransformer2DModel

    with seeded():
        transformer = PixArtTransformer2DModel(
            sample_size=8,
            num_layers=1,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_channels=DIMS,
            in_channels=4,
            cross_attention_dim=16,
            out_channels=8,
            use_additional_conditions=False,
            norm_num_groups=8,
        )
        pipeline = PixArtSigmaPipeline(
            tokenizer=t5_tokenizer(),
            text_encoder=t5_encoder(),
            vae=autoencoder(),
            transformer=transformer,
            scheduler=scheduler("DPMSolverMultistepScheduler"),
        )
        save_pipeline(folder, pipeline)
