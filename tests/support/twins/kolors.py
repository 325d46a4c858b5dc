"""Kolors: ChatGLM as text encoder, with the tokenizer of its own, and a U-Net."""

from __future__ import annotations

import io
from pathlib import Path

from support.twins.parts import (
    CHARACTERS,
    DIMS,
    SMALL_UNET,
    autoencoder,
    save_pipeline,
    scheduler,
    seeded,
    text_time_unet,
)


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    with seeded():
        from diffusers import KolorsPipeline
        from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
        from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig

        unet = text_time_unet(**SMALL_UNET, block_out_channels=(8, 16), norm_num_groups=4, cross_attention_dim=DIMS)
        config = ChatGLMConfig(
            padded_vocab_size=512,
            num_layers=2,
            hidden_size=DIMS,
            ffn_hidden_size=32,
            kv_channels=8,
            num_attention_heads=4,
            seq_length=256,
            original_rope=True,
            add_qkv_bias=True,
            multi_query_attention=True,
            multi_query_group_num=2,
        )
        pipeline = KolorsPipeline(
            vae=autoencoder(),
            text_encoder=ChatGLMModel(config),
            tokenizer=ChatGLMTokenizer(_vocabulary(folder)),
            unet=unet,
            scheduler=scheduler("EulerDiscreteScheduler", timestep_spacing="leading"),
        )
        for weights in pipeline.text_encoder.parameters():  # nothing fills these when a model is made
            if weights.dim() > 1:
                weights.data.normal_(std=0.1)
            else:
                weights.data.fill_(1.0)
        save_pipeline(folder, pipeline)


def _vocabulary(folder: Path) -> str:
    """A sentencepiece file with one piece for each character."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([f"{letter} {letter}" for letter in CHARACTERS]),
        model_writer=written,
        model_type="char",
        vocab_size=len(CHARACTERS) + 4,
        hard_vocab_limit=False,
        character_coverage=1.0,
        minloglevel=2,
    )
    path = folder.parent / f"{folder.name}-tokenizer.model"
    path.write_bytes(written.getvalue())
    return str(path)
