"""MPNet, in the format of sentence-transformers."""

from __future__ import annotations

from pathlib import Path

from support.twins.bert import encoder_facts, save_sentence_model
from support.twins.parts import CHARACTERS, numbered, seeded


def build(folder: Path, dims: int = 768) -> None:
    """Writes the checkpoint."""
    from transformers import MPNetConfig, MPNetModel, MPNetTokenizer

    with seeded():
        words = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>", *CHARACTERS, *(f"##{letter}" for letter in CHARACTERS)]
        tokenizer = MPNetTokenizer(vocab=numbered(words), model_max_length=128)
        model = MPNetModel(MPNetConfig(**encoder_facts(dims, pad_token_id=1)))
        save_sentence_model(folder, model, tokenizer)
