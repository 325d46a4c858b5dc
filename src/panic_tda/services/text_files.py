"""Texts from files and vectors for files."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from panic_tda.errors import ConfigurationError, InvalidOutput, PanicError, RequestError
from panic_tda.services.embedding import Embeddings

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
    if ending not in VECTOR_FILES:
        raise RequestError(f"vectors are written to {' or '.join(VECTOR_FILES)} files, not {ending or 'to others'}")
    return _npy(embeddings) if ending == ".npy" else _parquet(texts, embeddings)


def _npy(embeddings: Embeddings) -> bytes:
    import numpy as np

    if failed := len(embeddings.faults):
        raise InvalidOutput(
            f"{failed} of {len(embeddings)} texts have no vector, which a .npy file cannot say",
            hint="a .parquet file can, or see --json for what is wrong with them",
        )
    buffer = io.BytesIO()
    np.save(buffer, embeddings.vectors, allow_pickle=False)
    return buffer.getvalue()


def _parquet(texts: Sequence[str], embeddings: Embeddings) -> bytes:
    import numpy as np
    import polars as pl

    vectors = np.zeros((len(texts), embeddings.dims), np.float32)
    truncated: list[bool | None] = [None] * len(texts)
    faults: list[str | None] = [None] * len(texts)
    for at, outcome in enumerate(embeddings.outcomes):
        if isinstance(outcome, PanicError):
            faults[at] = outcome.message
        else:
            vectors[at], truncated[at] = outcome.vector, outcome.truncated
    columns = {
        "text": pl.Series(texts, dtype=pl.String),
        "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, embeddings.dims)),
        "truncated": pl.Series(truncated, dtype=pl.Boolean),
        "error": pl.Series(faults, dtype=pl.String),
        "model": pl.Series([embeddings.model] * len(texts), dtype=pl.String),
    }
    buffer = io.BytesIO()
    frame = pl.DataFrame(columns).with_columns(pl.when(pl.col("error").is_null()).then("vector").alias("vector"))
    frame.write_parquet(buffer, compression="zstd")
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
