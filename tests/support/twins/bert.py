"""Sentence embedders on encoders of the BERT kind, in the format of sentence-transformers, with mean pooling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.parts import CHARACTERS, numbered, seeded

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIALS, *CHARACTERS, *(f"##{letter}" for letter in CHARACTERS)]


def build(folder: Path, dims: int = 384) -> None:
    """Writes the checkpoint."""
    from transformers import BertConfig, BertModel

    with seeded():
        save_sentence_model(folder, BertModel(BertConfig(**encoder_facts(dims))), bert_tokenizer())


def encoder_facts(dims: int, **changes: Any) -> dict[str, Any]:
    """One layer as wide as the vectors."""
    facts: dict[str, Any] = {
        "vocab_size": 256,
        "hidden_size": dims,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "max_position_embeddings": 130,
        "pad_token_id": 0,
    }
    return facts | changes


def bert_tokenizer() -> Any:
    """Pieces of one character."""
    from transformers import BertTokenizer

    return BertTokenizer(vocab=numbered(WORDS), model_max_length=128)


def save_sentence_model(folder: Path, model: Any, tokenizer: Any, pooling: str = "mean", **settings: Any) -> None:
    """Writes encoder, tokenizer and the modules of sentence-transformers."""
    import json

    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    root = "sentence_transformers.models"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{root}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{root}.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{root}.Normalize"},
    ]
    dims = model.config.hidden_size
    pool = {"word_embedding_dimension": dims, f"pooling_mode_{pooling}_tokens": True}
    if pooling != "mean":
        pool = {"word_embedding_dimension": dims, "pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}
    files: dict[str, Any] = {
        "modules.json": modules,
        "1_Pooling/config.json": pool,
        "sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {}, "default_prompt_name": None, **settings},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    (folder / "2_Normalize").mkdir(exist_ok=True)
