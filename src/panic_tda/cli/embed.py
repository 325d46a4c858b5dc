"""``panic-tda embed``: vectors of texts."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import counted, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from panic_tda.lab.progress import Progress
    from panic_tda.services.embedding import Embedding, Embeddings


def embed(
    context: typer.Context,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts.")] = None,
    file: Annotated[
        str | None, typer.Option(help="A text a line; in .jsonl a JSON text, or an object with `text`. '-' is stdin.")
    ] = None,
    model: Annotated[str, typer.Option(help="Name of a model that measures texts.")] = "MiniLM",
    kind: Annotated[str, typer.Option(help="document, or query where the model tells them apart.")] = "document",
    out: Annotated[
        Path | None, typer.Option(help="A .npy or .parquet file for the vectors.", show_default=False)
    ] = None,
) -> None:
    """Measure texts: a vector for each. Exit code 1 when some of them failed."""
    from panic_tda.cli.progress import shown_progress
    from panic_tda.errors import RequestError
    from panic_tda.services.embedding import embed_batch
    from panic_tda.services.text_files import VECTOR_FILES, read_texts

    options: Context = context.obj
    if bool(texts) == bool(file):
        raise RequestError("give texts, or a --file of them")
    if out is not None and out.suffix not in VECTOR_FILES:
        raise RequestError(f"--out {out}: vectors are written to {' or '.join(VECTOR_FILES)} files")
    given = list(texts or []) if file is None else read_texts(file)
    with shown_progress(quiet=options.quiet or file is None) as progress:
        settings = options.settings()
        measured = embed_batch(given, model, kind=kind, settings=settings, report=_report(progress))
    if out is not None:
        _write(out, given, measured)
    _say(options, measured)
    if options.json:
        print_json(_shape(given, measured, out))
    elif out is not None:
        print(f"{out}: {counted(len(given), 'vector')} of {measured.dims} numbers, by {measured.model}")
    else:
        for outcome in measured.outcomes:
            print(json.dumps(_numbers(outcome)))
    if measured.faults:
        raise typer.Exit(1)


def _report(progress: Callable[[Progress], None]) -> Callable[[int, int, int], None]:
    from panic_tda.lab.progress import Progress

    begun = time.monotonic()

    def report(done: int, failed: int, total: int) -> None:
        elapsed = time.monotonic() - begun
        rate = done / elapsed if elapsed > 0 else 0.0
        left = (total - done - failed) / rate if rate else None
        progress(Progress("embed", done, total, failed, rate, left))

    return report


def _write(out: Path, texts: list[str], measured: Embeddings) -> None:
    from panic_tda.figures.whole_file import written_whole
    from panic_tda.services.text_files import encode_vectors

    content = encode_vectors(texts, measured, out.suffix)
    with written_whole(out) as aside:
        aside.write_bytes(content)


def _say(options: Context, measured: Embeddings) -> None:
    from panic_tda.services.embedding import Embedding

    for at, fault in measured.faults.items():
        options.say(f"text {at + 1}: {fault.message}")
    cut = sum(isinstance(each, Embedding) and each.truncated is True for each in measured.outcomes)
    if cut:
        options.say(f"{counted(cut, 'text')} longer than {measured.model} reads: only the beginning was measured")


def _shape(texts: list[str], measured: Embeddings, out: Path | None) -> dict[str, Any]:
    return {
        "model": measured.model,
        "dims": measured.dims,
        "kind": measured.kind.value,
        "out": str(out) if out else None,
        "items": [_item(text, each, out is None) for text, each in zip(texts, measured.outcomes, strict=True)],
        "timings": asdict(measured.timings),
    }


def _item(text: str, outcome: Embedding | Exception, with_vector: bool) -> dict[str, Any]:
    from panic_tda.errors import PanicError

    if isinstance(outcome, PanicError):
        return {"text": text, "error": {"type": type(outcome).__name__, "message": outcome.message}}
    vector = {"vector": _numbers(outcome)} if with_vector else {}
    return {"text": text, "truncated": getattr(outcome, "truncated", None), **vector}


def _numbers(outcome: object) -> list[float] | None:
    """The shortest decimals that are this float32 vector; None for a fault."""
    vector = getattr(outcome, "vector", None)
    return None if vector is None else [float(str(number)) for number in vector]
