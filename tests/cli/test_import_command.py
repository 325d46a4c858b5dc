"""``panic-tda import``: what it prints, where it imports to, and what can be done with what was imported."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from cli.command_line import CommandLine
from panic_tda.store.importing.tally import TABLES
from support.earlier import NETWORK, Earlier

REAL = str(Path(__file__).parents[1] / "data" / "legacy-python.sqlite")
NONE = {"found": 0, "imported": 0, "present": 0, "refused": 0}


@pytest.fixture
def small(command: CommandLine) -> str:
    """A database of two runs, one vector of which is missing."""
    earlier = Earlier()
    earlier.experiment(runs=2)
    earlier.tables["embeddings"][0]["vector"] = None
    return str(earlier.write(command.folder / "old.sqlite"))


def test_a_table_says_what_came_and_each_refused_row_why(command: CommandLine, small: str) -> None:
    ran = command("import", small)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split("  ")[0] == "table"
    assert [" ".join(line.split()) for line in lines[1:5]] == [
        "experiments 1 1 0 0",
        "runs 2 2 0 0",
        "invocations 12 12 0 0",
        "embeddings 6 5 0 1",
    ]
    assert lines[-1].startswith("refused embeddings 06b00f9f")
    assert lines[-1].endswith(": it has no vector")
    assert "import 12/12 (100 %)" in ran.err


def test_json_is_counts_by_table_and_the_refused_rows(command: CommandLine, small: str) -> None:
    shape = command("--json", "import", small).json
    assert set(shape) == {*TABLES, "refused"}
    assert shape["embeddings"] == {"found": 6, "imported": 5, "present": 0, "refused": 1}
    assert shape["lyapunov_results"] == NONE
    (refused,) = shape["refused"]
    assert (refused["table"], refused["reason"]) == ("embeddings", "it has no vector")


def test_a_dry_run_makes_nothing(command: CommandLine, small: str) -> None:
    ran = command("--json", "import", small, "--dry-run")
    assert ran.json["invocations"]["imported"] == 12
    assert not (command.folder / "panic-tda.sqlite").exists()
    assert "would import" in command("import", small, "--dry-run").out


def test_it_goes_where_into_says(command: CommandLine, small: str) -> None:
    assert command("import", small, "--into", "other.sqlite").code == 0
    assert not (command.folder / "panic-tda.sqlite").exists()
    (listed,) = command("--json", "--db", "other.sqlite", "experiment", "list").json
    assert (listed["runs"], listed["invocations"], listed["networks"]) == (2, 12, [NETWORK])


def test_a_source_that_cannot_be_read_is_a_wrong_request(command: CommandLine) -> None:
    (command.folder / "text.sqlite").write_text("hello")
    for source in ("nowhere.sqlite", "text.sqlite"):
        ran = command("import", source)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error: ")
    assert command("--json", "import", "text.sqlite").json["error"]["type"] == "RequestError"
    assert command("import", REAL, "--timezone", "Atlantis").code == 2
    assert command("import", REAL, "--experiment", "ffff").code == 2


def test_an_import_that_comes_to_nothing_has_failed(command: CommandLine) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1)["max_length"] = None
    ran = command("--json", "import", str(earlier.write(command.folder / "old.sqlite")))
    assert (ran.code, ran.json["experiments"]["refused"]) == (1, 1)


def test_what_was_imported_is_never_performed(command: CommandLine, small: str) -> None:
    command("import", small)
    for words in (
        ["experiment", "resume", "latest"],
        ["experiment", "extend", "latest", "--max-length", "50"],
    ):
        ran = command(*words)
        assert ran.code == 2
        assert "its models are historical and are never executed (FluxSchnell, BLIP2, Nomic)" in ran.err
    ran = command("verify", "latest")
    assert ran.code == 2
    assert "BLIP2 is a historical model, which was imported and is never executed" in ran.err


def test_models_that_are_here_too_are_not_taken_for_the_historical_ones(command: CommandLine) -> None:
    command("import", REAL)
    ran = command("verify", "latest")
    assert ran.code == 2
    assert "DummyT2I is a historical model" in ran.err
    assert command("experiment", "resume", "latest").code == 2
    assert command("--json", "doctor").json == {"findings": [], "fixed": 0}


def test_the_latest_run_is_of_the_latest_experiment_whatever_ids_were_imported(
    command: CommandLine, experiment_id: str, small: str
) -> None:
    command("import", small)
    assert command("--json", "run", "show", "latest").json["experiment_id"] == experiment_id


def test_the_doctor_fixes_beside_what_was_imported(command: CommandLine, small: str) -> None:
    command("import", small)
    with closing(sqlite3.connect(command.folder / "panic-tda.sqlite")) as record:
        record.execute(
            "UPDATE embeddings SET vector = x'00000000' WHERE output_id = (SELECT min(output_id) FROM embeddings)"
        )
        record.commit()
    assert len(command("--json", "doctor").json["findings"]) == 1
    ran = command("doctor", "--fix", "--yes")
    assert ran.code == 0, ran.err
    assert command("--json", "doctor").json["findings"] == []
    assert command("--json", "import", small).json["embeddings"]["imported"] == 1


def test_everything_can_be_exported_and_analysed(command: CommandLine, small: str) -> None:
    command("import", small)
    run = command("--json", "run", "list").json[0]["id"]
    exports = [
        ["parquet", "latest", "--out", "tables"],
        ["mosaic", "latest", "--out", "mosaic.png"],
        ["timeline", run, "--out", "timeline.png"],
        ["images", run, "--out", "pictures"],
        ["video", run, "--out", "film.mp4", "--resolution", "320x240", "--quality", "draft"],
        ["report", "latest", "--out", "report.html", "--no-analyses"],
        ["db", "latest", "--out", "copy.sqlite"],
    ]
    for words in exports:
        ran = command("export", *words)
        assert ran.code == 0, f"{words}\n{ran.err}"
    ran = command("--json", "analyse", "latest", "--only", "absorption", "--out", "answers")
    assert ran.code == 0, ran.err


def test_exported_vectors_of_a_real_database_are_byte_for_byte_those_it_had(command: CommandLine) -> None:
    command("import", REAL, "--skip-diagrams")
    command("export", "parquet", "latest", "--out", "tables")
    exported = pl.read_parquet(command.folder / "tables" / "embeddings-DummyText.parquet")
    steps = pl.read_parquet(command.folder / "tables" / "invocations.parquet").join(
        exported, left_on="sha256", right_on="output_id"
    )
    found = {row["invocation_id"]: pl.Series(row["vector"], dtype=pl.Float32) for row in steps.iter_rows(named=True)}
    with closing(sqlite3.connect(REAL)) as source:
        before = dict(source.execute("SELECT invocation_id, vector FROM embedding").fetchall())
    assert len(before) == 200
    assert {key: vector.to_numpy().astype("<f4").tobytes() for key, vector in found.items()} == before


def test_a_dump_says_what_it_does_not_hold(command: CommandLine) -> None:
    earlier = Earlier("elixir", "numbers")
    earlier.experiment(runs=1)
    earlier.dump(command.folder / "dump")
    ran = command("import", "dump")
    assert "a dump holds no images: 3 steps that made one and 0 vectors of images are left out" in ran.err
    assert json.loads(command("--json", "experiment", "show", "latest").out)["stages"]["generate"]["done"] == 3
