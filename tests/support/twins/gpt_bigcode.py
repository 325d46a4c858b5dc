"""GPT BigCode (StarCoder): a causal language model with one key for all heads."""

from __future__ import annotations

from pathlib import Path

from support.twins.llama import byte_tokenizer, loud
from support.twins.parts import seeded


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from transformers import GPTBigCodeConfig, GPTBigCodeForCausalLM

    with seeded():
        config = GPTBigCodeConfig(
            vocab_size=112, n_positions=256, n_embd=32, n_layer=2, n_head=4, n_inner=32, bos_token_id=1, eos_token_id=2
        )
        loud(GPTBigCodeForCausalLM(config)).save_pretrained(folder)
        byte_tokenizer().save_pretrained(folder)
