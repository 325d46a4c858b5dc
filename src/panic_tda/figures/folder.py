"""The files of an analysis: tables as Parquet and JSON, figures as SVG and PNG, findings as JSON and to read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.finding import Finding
from panic_tda.errors import make_folder
from panic_tda.figures.drawing import to_png, to_svg

if TYPE_CHECKING:
    import polars as pl


class Files(NamedTuple):
    """What was written for one answer."""

    tables: list[Path]
    figures: list[Path]


def write_answer(answer: Answer, drawings: Sequence[Drawing], folder: Path) -> Files:
    """Writes ``folder/ANALYSIS/TABLE.parquet|json`` and ``folder/ANALYSIS/DRAWING.svg|png``.

    Whatever the folder of that analysis held before is replaced, so that it never shows two states at once.
    """
    mine = folder / answer.analysis
    make_folder(mine)
    for old in mine.iterdir():
        if old.suffix in (".parquet", ".json", ".svg", ".png"):
            old.unlink()
    tables = [path for name, table in answer.tables.items() for path in _write_table(table, mine / name)]
    return Files(tables, [path for drawing in drawings for path in _write_drawing(drawing, mine / drawing.name)])


def write_findings(answers: Sequence[Answer], folder: Path) -> list[Path]:
    """Writes ``findings.json`` and ``findings.md``."""
    make_folder(folder)
    machine, reader = folder / "findings.json", folder / "findings.md"
    told = [answer_json(answer) for answer in answers]
    machine.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    reader.write_text("\n\n".join(_words(answer) for answer in answers) + "\n", encoding="utf-8")
    return [machine, reader]


def answer_json(answer: Answer) -> dict[str, Any]:
    """The answer without its tables, as JSON knows it: numbers that are not finite become null."""
    return {
        "analysis": answer.analysis,
        "question": answer.question,
        "absence": answer.absence,
        "findings": [_finite(asdict(finding)) for finding in answer.findings],
    }


def caution_words(finding: Finding, most: int | None = None) -> str:
    """``Caution: only 3 runs; saturated.`` or nothing; with ``most`` the first ones, and how many there are more."""
    shown = finding.cautions[:most]
    left = len(finding.cautions) - len(shown)
    return f"Caution: {'; '.join(shown)}{f' (and {left} more)' if left else ''}." if shown else ""


def _words(answer: Answer) -> str:
    lines = [f"- {finding.sentence} {caution_words(finding)}".rstrip() for finding in answer.findings]
    body = [f"Nothing to say: {answer.absence}."] if answer.absence else lines
    return "\n".join([f"## {answer.question} ({answer.analysis})", "", *body])


def _write_table(table: pl.DataFrame, stem: Path) -> list[Path]:
    parquet, readable = stem.with_suffix(".parquet"), stem.with_suffix(".json")
    table.write_parquet(parquet, compression="zstd")
    rows = [_finite(row) for row in table.iter_rows(named=True)]
    readable.write_text(json.dumps(rows, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    return [parquet, readable]


def _write_drawing(drawing: Drawing, stem: Path) -> list[Path]:
    vector, raster = stem.with_suffix(".svg"), stem.with_suffix(".png")
    svg = to_svg(drawing.figure, title=drawing.caption)
    # A file that stands alone has no page whose colour its ink could take.
    vector.write_text(svg.replace("<svg ", '<svg color="#1b1c1d" ', 1) + "\n", encoding="utf-8")
    raster.write_bytes(to_png(drawing.figure))
    return [vector, raster]


def _finite(value: Any) -> Any:
    """The value with every number that JSON does not know replaced by null."""
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return value
