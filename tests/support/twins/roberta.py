"""RoBERTa, in the format of sentence-transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.bert import encoder_facts, save_sentence_model
from support.twins.parts import byte_signs, numbered, seeded


def build(folder: Path, dims: int = 768) -> None:
    """Writes the checkpoint."""
    from transformers import RobertaConfig, RobertaModel

    with seeded():
        model = RobertaModel(RobertaConfig(**encoder_facts(dims, vocab_size=512, pad_token_id=1)))
        save_sentence_model(folder, model, roberta_tokenizer())


def roberta_tokenizer() -> Any:
    """One token for each byte."""
    from transformers import RobertaTokenizer

    words = ["<s>", "<pad>", "</s>", "<unk>", *byte_signs(), "<mask>"]
    return RobertaTokenizer(vocab=numbered(words), merges=[], model_max_length=128)
