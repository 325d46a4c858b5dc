"""XLM-RoBERTa (BGE-M3), in the format of sentence-transformers."""

from __future__ import annotations

from pathlib import Path

from support.twins.bert import encoder_facts, save_sentence_model
from support.twins.parts import CHARACTERS, seeded


def build(folder: Path, dims: int = 1024) -> None:
    """Writes the checkpoint."""
    from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizer

    with seeded():
        specials = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
        pieces = [*specials, *((letter, -3.0) for letter in CHARACTERS), ("<mask>", 0.0)]
        tokenizer = XLMRobertaTokenizer(vocab=pieces, model_max_length=128)
        model = XLMRobertaModel(XLMRobertaConfig(**encoder_facts(dims, pad_token_id=1)))
        save_sentence_model(folder, model, tokenizer)
