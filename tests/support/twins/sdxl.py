"""Stable Diffusion XL: two text encoders, a U-Net, an autoencoder; tiny, or as large as the published one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from support.twins.parts import (
    DIMS,
    SMALL_UNET,
    autoencoder,
    clip_text_config,
    clip_tokenizer,
    scheduler,
    seeded,
    text_time_unet,
)


class Size(NamedTuple):
    """Settings of the four parts."""

    unet: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    text_encoder_2: Mapping[str, Any]
    vae: Mapping[str, Any]


TINY = Size(
    unet={
        **SMALL_UNET,
        "block_out_channels": (16, 32),
        "norm_num_groups": 8,
        "cross_attention_dim": 2 * DIMS,
    },
    text_encoder={},
    text_encoder_2={},
    vae={},
)
REAL = Size(
    unet={
        "block_out_channels": (320, 640, 1280),
        "layers_per_block": 2,
        "sample_size": 64,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": (5, 10, 20),
        "addition_time_embed_dim": 256,
        "transformer_layers_per_block": (1, 2, 10),
        "projection_class_embeddings_input_dim": 6 * 256 + 1280,
        "cross_attention_dim": 768 + 1280,
    },
    text_encoder={
        "vocab_size": 49408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "projection_dim": 768,
        "hidden_act": "quick_gelu",
    },
    text_encoder_2={
        "vocab_size": 49408,
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 20,
        "projection_dim": 1280,
    },
    vae={
        "block_out_channels": (128, 256, 512, 512),
        "layers_per_block": 2,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "norm_num_groups": 32,
        "sample_size": 512,
        "scaling_factor": 0.13025,
    },
)
"""The architecture of the published model, 3.5 billion parameters."""


def build(folder: Path, size: Size = TINY, *, device: str = "cpu", half: bool = False) -> None:
    """Writes the checkpoint; weights are drawn on ``device``, in half precision where ``half``."""
    import torch
    from diffusers import StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    with seeded(), torch.device(device):
        parts = {
            "unet": text_time_unet(**size.unet),
            "vae": autoencoder(**size.vae),
            "text_encoder": CLIPTextModel(clip_text_config(**size.text_encoder)),
            "text_encoder_2": CLIPTextModelWithProjection(clip_text_config(**size.text_encoder_2)),
        }
    if half:
        parts = {name: part.half() for name, part in parts.items()}
    with seeded():
        pipeline = StableDiffusionXLPipeline(
            **parts,
            scheduler=scheduler("EulerAncestralDiscreteScheduler", timestep_spacing="trailing"),
            tokenizer=clip_tokenizer(),
            tokenizer_2=clip_tokenizer(),
            add_watermarker=False,
        )
        pipeline.save_pretrained(folder, safe_serialization=True, variant="fp16")
