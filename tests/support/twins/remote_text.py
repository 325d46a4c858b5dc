"""A sentence-transformers folder whose encoder is code of its own, as Nomic, GTE and Jina v3 publish theirs."""

from __future__ import annotations

import json
from pathlib import Path

from support.twins.bert import bert_tokenizer
from support.twins.parts import seeded
from support.twins.remote_code import write_code

MODELING = """
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from .configuration_tiny import TinyConfig


class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config, **rest):
        super().__init__(config)
        self.table = nn.Embedding(256, config.dims)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, **rest):
        states = self.table(input_ids)
        return BaseModelOutput(last_hidden_state=torch.tanh(states + states.cumsum(dim=1)))
"""


def build(folder: Path, dims: int = 768) -> None:
    """Writes the checkpoint."""
    with seeded():
        write_code(folder, MODELING, "TinyModel", dims=dims)
        bert_tokenizer().save_pretrained(folder)
    root = "sentence_transformers.models"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{root}.Transformer", "kwargs": ["task"]},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{root}.Pooling"},
    ]
    pool = {"word_embedding_dimension": dims, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    for name, content in (
        ("modules.json", modules),
        ("1_Pooling/config.json", pool),
        ("config_sentence_transformers.json", {"prompts": {"passage": "search_document: ", "query": "search_query: "}}),
        ("sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False}),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
