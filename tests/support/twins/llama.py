"""Llama (Code Llama): a causal language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.twins.parts import ascii_signs, numbered, seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from transformers import LlamaConfig, LlamaForCausalLM

    with seeded():
        config = LlamaConfig(
            vocab_size=112,
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            bos_token_id=1,
            eos_token_id=2,
        )
        loud(LlamaForCausalLM(config)).save_pretrained(folder)
        byte_tokenizer().save_pretrained(folder)


def byte_tokenizer(*specials: str) -> Any:
    """One token for each printable sign of ASCII, the space and the line break."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["<unk>", "<s>", "</s>", "<pad>", *specials]
    plain = Tokenizer(models.BPE(vocab=numbered([*names, *ascii_signs()]), merges=[], unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=list(specials),
        model_max_length=4096,
    )


def loud(model: Any) -> Any:
    """Weights large enough that what a model says depends on what it is given."""
    for weights in model.parameters():
        if weights.dim() > 1:
            weights.data.mul_(8.0)
    return model.eval()
