from __future__ import annotations

import json
import math
from pathlib import Path

import polars as pl
from PIL import Image

from panic_tda.answers.answer import Answer, Drawing
from panic_tda.answers.finding import Finding
from panic_tda.figures.drawing import name_axes, panels
from panic_tda.figures.folder import write_answer, write_findings

TABLE = pl.DataFrame({"run_id": ["a", "b"], "value": [0.5, math.nan], "curve": [[1.0, math.inf], []]})
FOUND = Finding("kind", "Half of it [0.4, 0.6].", 0.5, low=0.4, high=0.6, level=0.95, n=7, cautions=("few", "odd"))
ANSWER = Answer("name", "What is it?", (FOUND,), {"runs": TABLE})


def drawing() -> Drawing:
    figure, (axes,) = panels(1)
    name_axes(axes, "A title", "Step", "Value")
    return Drawing("picture", figure, "What is seen, n = 7.")


def test_tables_come_as_parquet_and_as_json_without_numbers_json_does_not_know(tmp_path: Path) -> None:
    files = write_answer(ANSWER, [], tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in files.tables] == ["name/runs.parquet", "name/runs.json"]
    assert pl.read_parquet(files.tables[0]).equals(TABLE)
    assert json.loads(files.tables[1].read_text()) == [
        {"run_id": "a", "value": 0.5, "curve": [1.0, None]},
        {"run_id": "b", "value": None, "curve": []},
    ]


def test_figures_come_as_svg_and_png(tmp_path: Path) -> None:
    vector, raster = write_answer(ANSWER, [drawing()], tmp_path).figures
    assert "A title" in vector.read_text(encoding="utf-8")
    assert "What is seen, n = 7." in vector.read_text(encoding="utf-8")
    with Image.open(raster) as image:
        assert image.format == "PNG"


def test_files_of_an_earlier_analysis_do_not_stay_beside_the_new_ones(tmp_path: Path) -> None:
    write_answer(ANSWER, [drawing()], tmp_path)
    notes = tmp_path / "name" / "notes.txt"
    notes.write_text("mine")
    write_answer(Answer("name", "What is it?", absence="no runs"), [], tmp_path)
    assert list((tmp_path / "name").iterdir()) == [notes]


def test_findings_are_written_for_programs_and_for_readers(tmp_path: Path) -> None:
    machine, reader = write_findings([ANSWER, Answer("other", "Why?", absence="no runs")], tmp_path / "new")
    first, second = json.loads(machine.read_text())
    assert (first["analysis"], second["absence"]) == ("name", "no runs")
    assert first["findings"][0]["low"] == 0.4
    assert reader.read_text(encoding="utf-8") == (
        "## What is it? (name)\n\n- Half of it [0.4, 0.6]. Caution: few; odd.\n\n"
        "## Why? (other)\n\nNothing to say: no runs.\n"
    )
