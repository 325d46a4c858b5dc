"""Exporting experiments from the command line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from cli.command_line import CommandLine, Ran


def test_parquet_writes_a_folder_and_names_the_files(command: CommandLine, experiment_id: str) -> None:
    ran = command("export", "parquet", "latest", "--out", "tables")
    files = [Path(line) for line in ran.out.splitlines()]
    assert ran.code == 0
    assert sorted(file.name for file in files) == sorted(
        [
            *("experiments.parquet", "runs.parquet", "invocations.parquet", "model_versions.parquet", "README.md"),
            *("embeddings-DummyText.parquet", "embeddings-DummyVision.parquet"),
            *("persistence_diagrams.parquet", "persistence_bars.parquet"),
        ]
    )
    assert ran.err.splitlines()[0] == "wrote experiments.parquet"
    assert pl.read_parquet("tables/experiments.parquet")["id"].to_list() == [experiment_id]


def test_images_are_exported_on_request(command: CommandLine, experiment_id: str) -> None:
    files = command("export", "parquet", experiment_id, "--out", "tables", "--images", "--json", "--quiet").json
    assert files.keys() == {"files"}
    assert "tables/images.parquet" in files["files"]


def test_an_experiment_named_twice_is_exported_once(command: CommandLine, experiment_id: str) -> None:
    command("export", "parquet", "latest", experiment_id[:13], "--out", "tables")
    assert pl.read_parquet("tables/runs.parquet").height == 2
    assert Path("tables/README.md").read_text(encoding="utf-8").count(experiment_id) == 1


@pytest.mark.parametrize("name", ["m.png", "deep/folder/m.webp", "m.jpg", "m.JPEG", "m.avif"])
def test_a_mosaic_is_one_image_in_the_format_of_its_ending(command: CommandLine, experiment_id: str, name: str) -> None:
    ran = command("export", "mosaic", "latest", "--out", name)
    assert (ran.code, ran.out) == (0, f"{name}\n")
    with Image.open(name) as picture:
        picture.load()
        assert picture.width > picture.height > 0


def test_a_report_is_one_page(command: CommandLine, experiment_id: str) -> None:
    assert command("export", "report", "latest", "--out", "out/report.html", "--json").json == {
        "files": ["out/report.html"]
    }
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert experiment_id[:13] in page


def refused(ran: Ran) -> str:
    assert ran.code == 2
    return ran.err.splitlines()[0].removeprefix("error: ")


def test_a_wrong_place_to_write_is_refused_before_any_work(command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    assert refused(command("export", "mosaic", "latest", "--out", "m.gif")) == (
        "--out m.gif must end in .png or .webp or .jpg or .jpeg or .avif"
    )
    assert refused(command("export", "mosaic", "latest", "--out", "folder.png")) == (
        "--out folder.png is a folder; name a file in it"
    )
    assert refused(command("export", "report", "latest", "--out", "r.pdf")).endswith("must end in .html or .htm")
    assert refused(command("export", "parquet", "latest", "--out", "file")) == "--out file is a file; name a folder"
    assert "--out" in refused(command("export", "parquet", "latest"))


@pytest.mark.parametrize("words", [("mosaic", "m.png"), ("report", "r.html"), ("parquet", "p")])
def test_a_place_that_cannot_be_written_is_one_line(
    command: CommandLine, experiment_id: str, words: tuple[str, str]
) -> None:
    Path("file").touch()
    ran = command("export", words[0], "latest", "--out", f"file/{words[1]}")
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith("error: file")
    assert "Traceback" not in ran.err
    assert command("export", words[0], "latest", "--out", f"file/{words[1]}", "--json").json["error"]["hint"] == ""


def test_an_unknown_experiment_is_a_wrong_request(command: CommandLine, experiment_id: str) -> None:
    assert refused(command("export", "parquet", "nothing", "--out", "p")) == "there is no experiment 'nothing'"


def test_an_experiment_goes_into_another_database_and_can_be_shown_there(
    command: CommandLine, experiment_id: str
) -> None:
    ran = command("export", "db", "latest", "--out", "other.sqlite", "--json", "--quiet")
    assert (ran.code, ran.json["into"]) == (0, "other.sqlite")
    assert ran.json["experiments"][0]["rows"]["invocations"] == 12
    here = command("experiment", "show", experiment_id, "--json").json
    there = command("--db", "other.sqlite", "experiment", "show", experiment_id, "--json").json
    assert {**there, "rates": None, "seconds_left": None} == {**here, "rates": None, "seconds_left": None}


def test_a_database_is_not_copied_into_itself(command: CommandLine, experiment_id: str) -> None:
    ran = command("export", "db", "latest", "--out", "panic-tda.sqlite")
    assert ran.code == 2
    assert ran.err.splitlines() == ["error: --out panic-tda.sqlite is the database it comes from"]
