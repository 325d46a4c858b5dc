"""MiniLM in full precision: the two files that its package carries."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import seeded


def build(folder: Path, dims: int = 384) -> None:
    """Writes ``config.json`` and ``model.safetensors``."""
    from transformers import BertConfig, BertModel

    with seeded():
        config = BertConfig(
            vocab_size=30522,
            hidden_size=dims,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=4,
            max_position_embeddings=512,
        )
        BertModel(config).eval().save_pretrained(folder)
