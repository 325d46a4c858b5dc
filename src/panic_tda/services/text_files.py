"""Texts from files and vectors for files."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from panic_tda.errors import ConfigurationError, InvalidOutput, PanicError, RequestError
from panic_tda.services.embedding import Embedding, Embeddings

VECTOR_FILES = (".npy", ".parquet")


def read_text(source: str) -> str:
    """The content of a file in UTF-8, or of standard input for ``-``; raises ``RequestError``."""
    name = "stdin" if source == "-" else source
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise RequestError(f"{name}: {fault.strerror or fault}") from fault
    except UnicodeDecodeError as fault:
        raise RequestError(f"{name}: is not UTF-8 text ({fault.reason} at byte {fault.start})") from fault


def read_texts(source: str) -> list[str]:
    """One text a line; of a ``.jsonl`` file, each line is a JSON text or an object with the key ``text``.

    Raises ``ConfigurationError`` with every line that is neither.
    """
    lines = read_text(source).replace("\r\n", "\n").removesuffix("\n").split("\n")
    if Path(source).suffix.lower() != ".jsonl":
        return lines if lines != [""] else []
    issues: list[str] = []
    texts = [_of_json(line, f"{source}: line {number}", issues) for number, line in enumerate(lines, 1) if line.strip()]
    if issues:
        raise ConfigurationError(issues)
    return texts


def encode_vectors(texts: Sequence[str], embeddings: Embeddings, ending: str) -> bytes:
    """The content of a ``.npy`` file (n × dims float32) or of a ``.parquet`` file.

    The latter has the columns text, vector, truncated, error and model, with null where there is nothing. Raises
    ``InvalidOutput`` where a text failed, for ``.npy`` cannot say so, and ``RequestError`` for any other ending.
    """
    buffer = io.BytesIO()
    if ending == ".npy":
        import numpy as np

        if failed := len(embeddings.faults):
            raise InvalidOutput(
                f"{failed} of {len(texts)} texts have no vector, which a .npy file cannot say",
                hint="a .parquet file can, or see --json for what is wrong with them",
            )
        np.save(buffer, embeddings.vectors, allow_pickle=False)
    elif ending == ".parquet":
        import polars as pl

        good = [outcome if isinstance(outcome, Embedding) else None for outcome in embeddings.outcomes]
        faults = [outcome.message if isinstance(outcome, PanicError) else None for outcome in embeddings.outcomes]
        vectors = [each.vector if each else None for each in good]
        columns = {
            "text": pl.Series(texts, dtype=pl.String),
            "vector": pl.Series(vectors, dtype=pl.List(pl.Float32)).cast(pl.Array(pl.Float32, embeddings.dims)),
            "truncated": pl.Series([each.truncated if each else None for each in good], dtype=pl.Boolean),
            "error": pl.Series(faults, dtype=pl.String),
            "model": pl.Series([embeddings.model] * len(texts), dtype=pl.String),
        }
        pl.DataFrame(columns).write_parquet(buffer, compression="zstd")
    else:
        raise RequestError(f"vectors are written to {' or '.join(VECTOR_FILES)} files, not {ending or 'to others'}")
    return buffer.getvalue()


def _of_json(line: str, place: str, issues: list[str]) -> str:
    try:
        value = json.loads(line)
    except ValueError as fault:
        issues.append(f"{place}: is not JSON ({fault})")
        return ""
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        issues.append(f"{place}: is neither a text nor an object with the key text")
        return ""
    return text
