"""The tokenizer inside a GGUF file, read without llama.cpp: an independent count of tokens."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9


def tokenizer_of(path: Path) -> Any:
    """A byte-level BPE with the file's tokens and merges; tokens between ``<|`` and ``|>`` are taken whole."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    facts = metadata(path)
    tokens: list[str] = facts["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in facts["tokenizer.ggml.merges"]]
    found = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=merges))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.add_special_tokens([AddedToken(token) for token in tokens if token.startswith("<|")])
    return found


def metadata(path: Path) -> dict[str, Any]:
    """The keys and values at the beginning of the file."""
    with path.open("rb") as file:
        magic, _, _, count = struct.unpack("<4sIQQ", file.read(24))
        assert magic == b"GGUF"
        return {_text(file): _value(file, *_unpacked(file, "I")) for _ in range(count)}


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _LIST:
        inner, count = _unpacked(file, "IQ")
        return [_value(file, inner) for _ in range(count)]
    return _unpacked(file, _NUMBERS[kind])[0]


def _text(file: BinaryIO) -> str:
    return file.read(_unpacked(file, "Q")[0]).decode("utf-8")


def _unpacked(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))
