"""Two embedders on the command line: measured again, compared, and named by an alias."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from cli.command_line import CommandLine
from panic_tda.models.versions.changing import add_version, promote
from support.checkpoints import Twins, require_libraries, twins
from support.tuning import NAME, tiny_embedder

require_libraries()

__all__ = ["twins"]


@pytest.fixture
def measured(command: CommandLine, twins: Twins, monkeypatch: pytest.MonkeyPatch) -> str:
    """An experiment measured by a tiny embedder that has two versions, copies of it; the second is the champion."""
    spec = tiny_embedder(twins, command.folder / "cache", monkeypatch)
    assert spec.repository is not None
    source = Path(spec.repository.folder)

    def write(folder: Path) -> None:
        shutil.copytree(source, folder, dirs_exist_ok=True)

    for number in ("1", "2"):
        add_version(NAME, write, {"seed": number}, made_of=number, accepted=True)
    config = command.write(seeds=[1, 2, 3, 4], embedding_models=[NAME])
    ran = command("experiment", "perform", config, "--json")
    assert ran.code == 0, ran.err
    return str(ran.json["id"])


def test_trajectories_are_measured_again_by_the_champion_and_what_changed_is_told(
    command: CommandLine, measured: str
) -> None:
    both = ("analyse", "latest", "--only", "instruments", "--embedders", f"{NAME}, {NAME}@champion", "--out", "a")
    missing = command(*both)
    assert (missing.code, missing.out) == (2, "")
    assert missing.err.splitlines() == [
        f"{NAME}@champion is {NAME}@2",
        f"error: {NAME}@2 has not measured these experiments",
        f"hint: it does so with: panic-tda experiment extend {measured} --embedder {NAME}@2",
    ]
    added = command("experiment", "extend", measured, "--embedder", f"{NAME}@champion", "--embedder", NAME, "--json")
    assert added.code == 0, added.err
    assert f"{NAME}@champion is {NAME}@2" in added.err
    assert f"experiment {measured} already has the embedder {NAME}" in added.err
    assert command("experiment", "show", measured, "--json").json["config"]["embedding_models"] == [NAME, f"{NAME}@2"]

    told = command(*both, "--json")
    assert told.code == 0, told.err
    [answer] = told.json["analyses"]
    assert [finding["kind"] for finding in answer["findings"]] == ["geometry", "dynamics", "shape"]
    assert {Path(path).stem for path in answer["tables"]} == {"agreement", "verdicts", "shape", "runs", "outputs"}
    assert {Path(path).stem for path in answer["figures"]} == {"agreement", "steps"}
    table = pl.read_parquet("a/instruments/agreement.parquet")
    assert set(table.select("embedder", "other").iter_rows()) == {(NAME, f"{NAME}@2")}
    assert "What changes with the embedder?" in Path("a/report.html").read_text(encoding="utf-8")


def test_one_embedder_alone_names_the_command_that_adds_another(command: CommandLine, measured: str) -> None:
    ran = command("analyse", "latest", "--only", "instruments", "--out", "a")
    assert ran.code == 0
    assert ran.out.splitlines()[0] == (
        f"Nothing to say from instruments: only {NAME} measured these runs; "
        "another one does with panic-tda experiment extend ID --embedder NAME"
    )


def test_a_clustering_by_an_alias_is_of_the_version_it_means_now(command: CommandLine, measured: str) -> None:
    sizes = ("--min-cluster-size", "2", "--min-samples", "2")
    unmeasured = command("cluster", "compute", "--embedder", f"{NAME}@champion", *sizes)
    assert (unmeasured.code, unmeasured.err.splitlines()[1]) == (
        2,
        f"error: no output has a vector of an embedder '{NAME}@2'",
    )
    promote(NAME, 0)
    ran = command("cluster", "compute", "--embedder", f"{NAME}@champion", *sizes, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["layers"][0]["embedder"] == NAME
    assert ran.err.splitlines()[0] == f"{NAME}@champion is {NAME}"
