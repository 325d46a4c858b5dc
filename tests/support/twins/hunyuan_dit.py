"""Hunyuan-DiT: BERT and mT5 as text encoders, a transformer."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import (
    CHARACTERS,
    DIMS,
    autoencoder,
    numbered,
    save_pipeline,
    scheduler,
    seeded,
    t5_encoder,
    t5_tokenizer,
)


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import HunyuanDiT2DModel, HunyuanDiTPipeline
    from transformers import BertConfig, BertModel, BertTokenizer

    with seeded():
        config = BertConfig(
            vocab_size=256,
            hidden_size=DIMS,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=128,
        )
        specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        words = [*specials, *CHARACTERS, *(f"##{letter}" for letter in CHARACTERS)]
        transformer = HunyuanDiT2DModel(
            sample_size=16,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=3,
            in_channels=4,
            cross_attention_dim=DIMS,
            cross_attention_dim_t5=DIMS,
            pooled_projection_dim=16,
            hidden_size=24,
            activation_fn="gelu-approximate",
        )
        pipeline = HunyuanDiTPipeline(
            vae=autoencoder(
                block_out_channels=(8, 8, 8, 8),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
            ),
            text_encoder=BertModel(config),
            tokenizer=BertTokenizer(vocab=numbered(words), model_max_length=77),
            text_encoder_2=t5_encoder(),
            tokenizer_2=t5_tokenizer(),
            transformer=transformer,
            scheduler=scheduler("DDPMScheduler"),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        save_pipeline(folder, pipeline)
