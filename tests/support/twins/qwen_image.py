"""Qwen-Image: Qwen 2.5 VL as text encoder, a transformer, an autoencoder for films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.parts import DIMS, qwen_tokenizer, save_pipeline, scheduler, seeded

SIGNS = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import AutoencoderKLQwenImage, QwenImagePipeline, QwenImageTransformer2DModel

    with seeded():
        transformer = QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=3,
            joint_attention_dim=DIMS,
            axes_dims_rope=(8, 4, 4),
        )
        autoencoder = AutoencoderKLQwenImage(
            base_dim=12,
            z_dim=4,
            dim_mult=[1, 2, 4],
            num_res_blocks=1,
            temperal_downsample=[False, True],
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        )
        pipeline = QwenImagePipeline(
            scheduler=scheduler(),
            vae=autoencoder,
            text_encoder=qwen25_vl(),
            tokenizer=qwen_tokenizer(*SIGNS),
            transformer=transformer,
        )
        save_pipeline(folder, pipeline)


def qwen25_vl() -> Any:
    """A language model that can see."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    text = {
        "vocab_size": 512,
        "hidden_size": DIMS,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "rope_scaling": {"mrope_section": [2, 2, 4], "rope_type": "default", "type": "default"},
        "rope_theta": 1000000.0,
        "max_position_embeddings": 4096,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    vision = {
        "depth": 2,
        "hidden_size": DIMS,
        "intermediate_size": 32,
        "num_heads": 2,
        "out_hidden_size": DIMS,
        "patch_size": 14,
        "window_size": 56,
        "fullatt_block_indexes": [1],
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        vision_start_token_id=3,
        vision_end_token_id=4,
        vision_token_id=5,
        image_token_id=6,
        video_token_id=7,
    )
    return Qwen2_5_VLForConditionalGeneration(config)
