"""Qwen3 Embedding: the last token of a causal model, padded on the left, in the format of sentence-transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.bert import save_sentence_model
from support.twins.parts import qwen_tokenizer, seeded


def build(folder: Path, dims: int = 1024) -> None:
    """Writes the checkpoint."""
    from transformers import Qwen3Config, Qwen3Model

    with seeded():
        model = Qwen3Model(Qwen3Config(**decoder_facts(dims), head_dim=8))
        save_sentence_model(folder, model, left_padded(), pooling="last")


def decoder_facts(dims: int) -> dict[str, Any]:
    """One layer as wide as the vectors."""
    return {
        "vocab_size": 512,
        "hidden_size": dims,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
    }


def left_padded() -> Any:
    """A tokenizer that puts the padding first."""
    tokenizer = qwen_tokenizer()
    tokenizer.padding_side = "left"
    return tokenizer
