"""FLUX.2 klein: the hidden states of layers 9, 18 and 27 of a Qwen3, a transformer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.parts import qwen_tokenizer, save_pipeline, scheduler, seeded

TEXT = 16


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import Flux2KleinPipeline
    from transformers import Qwen3Config, Qwen3ForCausalLM

    with seeded():
        config = Qwen3Config(
            vocab_size=512,
            hidden_size=TEXT,
            intermediate_size=16,
            num_hidden_layers=28,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
        )
        pipeline = Flux2KleinPipeline(
            scheduler=scheduler(),
            vae=flux2_autoencoder(),
            text_encoder=Qwen3ForCausalLM(config),
            tokenizer=qwen_tokenizer(),
            transformer=flux2_transformer(guidance_embeds=False),
            is_distilled=True,
        )
        save_pipeline(folder, pipeline)


def flux2_autoencoder() -> Any:
    """Two levels, four channels."""
    from diffusers import AutoencoderKLFlux2

    return AutoencoderKLFlux2(
        block_out_channels=(16, 16),
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=32,
    )


def flux2_transformer(**changes: Any) -> Any:
    """One layer of each kind."""
    from diffusers import Flux2Transformer2DModel

    return Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * TEXT,
        timestep_guidance_channels=16,
        axes_dims_rope=(4, 4, 4, 4),
        **changes,
    )
