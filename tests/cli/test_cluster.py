"""Clusterings from the command line: compute, list, show, delete."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from cli.command_line import CommandLine
from cli.processes import Process
from panic_tda.store.database import open_record
from support.clusters import SPEC, plant_cloud, planted

LAYER = {
    "id", "embedder", "version", "experiments", "algorithm", "parameters", "layer", "layers", "most_persistent",
    "persistence", "clusters", "outputs", "outliers", "library", "completed_at",
}  # fmt: skip
SHOWN = LAYER | {"outlier_share", "cautions", "members"}


@pytest.fixture(scope="session")
def planted_record(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with an experiment of planted vectors."""
    path = tmp_path_factory.mktemp("planted") / "panic-tda.sqlite"
    with open_record(path) as record, record.writing() as connection:
        plant_cloud(connection, planted(np.random.default_rng(1), (40, 30, 20), noise=10))
    return path.read_bytes()


@pytest.fixture
def folder(command: CommandLine, planted_record: bytes) -> Path:
    """The command line's folder, with that database."""
    (command.folder / "panic-tda.sqlite").write_bytes(planted_record)
    return command.folder


def test_compute_says_what_was_found_and_tells_progress_on_stderr(command: CommandLine, folder: Path) -> None:
    ran = command("cluster", "compute", "--embedder", SPEC.name)
    assert ran.code == 0
    first, second = ran.out.splitlines()
    assert first.startswith("clustering 0")
    assert second.startswith("100 outputs in 3 clusters, ")
    assert "load 100/100 (100 %)\n" in ran.err
    assert "HDBSCAN on the distances of 100 vectors\n" in ran.err
    assert ran.err.endswith("store 1/1 (100 %)\n")


def test_compute_with_json_has_the_documented_shape(command: CommandLine, folder: Path) -> None:
    words = ("--embedder", SPEC.name, "--experiment", "latest", "--min-cluster-size", "4", "--min-samples", "3")
    made = command("cluster", "compute", *words, "--json").json
    assert made.keys() == {"id", "layers", "cautions", "seconds"}
    [layer] = made["layers"]
    assert layer.keys() == LAYER
    assert (layer["id"], layer["algorithm"], layer["clusters"], layer["outputs"]) == (made["id"], "hdbscan", 3, 100)
    assert layer["parameters"] == {"min_cluster_size": 4, "min_samples": 3}
    assert layer["experiments"] == [command("experiment", "list", "--json").json[0]["id"]]


def test_a_quiet_compute_says_nothing_on_stderr(command: CommandLine, folder: Path) -> None:
    assert command("cluster", "compute", "--embedder", SPEC.name, "--quiet").err == ""


def test_layers_are_listed_and_the_most_persistent_is_the_latest(command: CommandLine, folder: Path) -> None:
    made = command("cluster", "compute", "--embedder", SPEC.name, "--algorithm", "evoc", "--seed", "3")
    assert made.code == 0
    assert "EVoC on 100 vectors; its first use compiles it" in made.err
    layers = command("cluster", "list", "--json").json
    assert all(layer.keys() == LAYER for layer in layers)
    assert {layer["parameters"]["seed"] for layer in layers} == {3}
    [best] = [layer["id"] for layer in layers if layer["most_persistent"]]
    assert made.out.splitlines()[0] == f"clustering {best}"
    assert command("cluster", "show", "latest", "--json").json["id"] == best
    heading, *lines = command("cluster", "list").out.splitlines()
    assert heading.split() == ["id", "embedder", "experiments", "algorithm", "layer", "clusters", "outputs", "outliers"]
    assert [line.split()[0] for line in lines] == [layer["id"] for layer in layers]
    assert all(" all " in line and " evoc " in line for line in lines)


def test_show_has_the_clusters_with_their_medoids(command: CommandLine, folder: Path) -> None:
    made = command("cluster", "compute", "--embedder", SPEC.name, "--json").json
    shown = command("cluster", "show", made["id"][:20], "--json").json
    assert shown.keys() == SHOWN
    outliers, *clusters = shown["members"]
    assert (outliers["cluster"], outliers["medoid"]) == (-1, None)
    assert [each["outputs"] for each in clusters] == sorted((each["outputs"] for each in clusters), reverse=True)
    assert all(each["medoid"]["type"] == "text" and each["medoid"]["text"].startswith("text ") for each in clusters)


def test_show_for_people_is_a_table_with_the_outliers_last(command: CommandLine, folder: Path) -> None:
    command("cluster", "compute", "--embedder", SPEC.name)
    lines = command("cluster", "show", "latest").out.splitlines()
    assert lines[0].endswith(": hdbscan (min_cluster_size 5, min_samples 5)")
    assert lines[1].split() == ["of", "Compass@1,", "all", "experiments"]
    assert lines[2].split()[:5] == ["outputs", "100", "in", "3", "clusters,"]
    assert lines[3].split() == ["cluster", "outputs", "visits", "share", "medoid"]
    assert [line.split()[0] for line in lines[4:]] == ["0", "1", "2", "outliers"]
    assert all(" % " in line and "text " in line for line in lines[4:7])


def test_medoids_that_are_images_go_by_their_hash(command: CommandLine, experiment_id: str) -> None:
    words = ("--embedder", "DummyVision", "--min-cluster-size", "2", "--min-samples", "2")
    assert command("cluster", "compute", *words).code == 0
    members = command("cluster", "show", "latest", "--json").json["members"]
    hashes = [each["medoid"]["image_sha256"] for each in members if each["medoid"]]
    shown = command("cluster", "show", "latest").out
    assert all(f"image {key[:12]}" in shown for key in hashes)


def test_few_outputs_are_all_outliers_with_a_caution(command: CommandLine, experiment_id: str) -> None:
    ran = command("cluster", "compute", "--embedder", "DummyText", "--min-cluster-size", "50")
    assert ran.code == 0
    assert "  caution   only " in ran.out
    assert "  caution   no clusters: " in command("cluster", "show", "latest").out


def test_delete_takes_the_clustering_and_nothing_else(command: CommandLine, folder: Path) -> None:
    made = command("cluster", "compute", "--embedder", SPEC.name, "--json").json
    ran = command("cluster", "delete", "latest", "--yes", "--json")
    assert ran.json == {"deleted": [made["id"]]}
    assert command("cluster", "list", "--json").json == []
    assert len(command("run", "list", "--json").json) == 1
    command("cluster", "compute", "--embedder", SPEC.name)
    assert command("cluster", "delete", "latest", "--yes").out.endswith("(hdbscan of Compass): 1 layer\n")


def test_delete_asks_and_without_anyone_to_ask_refuses(
    command: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("cluster", "compute", "--embedder", SPEC.name)
    ran = command("cluster", "delete", "latest")
    assert (ran.code, ran.err.endswith("(hdbscan of Compass) needs --yes when nobody can be asked\n")) == (2, True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question, abort: print(question))
    ran = command("cluster", "delete", "latest")
    assert (ran.code, "with 1 layer?" in ran.out) == (0, True)
    assert command("cluster", "list", "--json").json == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("show", "nothing"), "error: there is no clustering 'nothing'"),
        (("delete", "latest", "--yes"), "error: there is no clustering yet"),
        (("compute", "--embedder", "Nobody"), "error: no output has a vector of an embedder 'Nobody'"),
        (
            ("compute", "--embedder", "Compass", "--algorithm", "kmeans"),
            "error: no clustering algorithm is named 'kmeans'",
        ),
        (("compute", "--embedder", "Compass", "--experiment", "x"), "error: there is no experiment 'x'"),
        (("compute",), "error: Missing option '--embedder'."),
    ],
)
def test_wrong_requests_are_answered_in_one_line_and_a_hint(
    command: CommandLine, folder: Path, words: tuple[str, ...], line: str
) -> None:
    ran = command("cluster", *words)
    first, hint = ran.err.splitlines()
    assert (ran.code, ran.out, first.startswith(line)) == (2, "", True)
    assert hint.startswith("hint: ")
    assert command("cluster", *words, "--json").json["error"]["hint"] == hint.removeprefix("hint: ")


def test_without_a_database_there_is_nothing_to_cluster(command: CommandLine) -> None:
    assert command("cluster", "list").code == 2


def test_a_missing_evoc_is_said_with_the_remedy(
    command: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panic_tda.lab.clustering.require_evoc", _missing)
    ran = command("cluster", "compute", "--embedder", SPEC.name, "--algorithm", "evoc")
    assert (ran.code, ran.err.splitlines()) == (1, ["error: evoc is missing", "hint: install it"])


def _missing() -> None:
    from panic_tda.errors import PrerequisiteError

    raise PrerequisiteError("evoc is missing", hint="install it")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work_before_anything_is_stored(
    command: CommandLine, folder: Path, number: signal.Signals
) -> None:
    kept = command("cluster", "compute", "--embedder", SPEC.name, "--json").json["id"]
    process = Process(folder, "cluster", "compute", "--embedder", SPEC.name)
    process.wait_for("load 0/100")
    process.send(number)
    code, out, err = process.finish()
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert err.endswith("interrupted; nothing was stored\n")
    assert [layer["id"] for layer in command("cluster", "list", "--json").json] == [kept]
