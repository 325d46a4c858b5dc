"""Qwen2 (Qodo Embed), in the format of sentence-transformers."""

from __future__ import annotations

from pathlib import Path

from support.twins.bert import save_sentence_model
from support.twins.parts import seeded
from support.twins.qwen3 import decoder_facts, left_padded


def build(folder: Path, dims: int = 1536) -> None:
    """Writes the checkpoint."""
    from transformers import Qwen2Config, Qwen2Model

    with seeded():
        save_sentence_model(folder, Qwen2Model(Qwen2Config(**decoder_facts(dims))), left_padded(), pooling="last")
