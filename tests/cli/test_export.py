"""Exporting experiments from the command line."""

from __future__ import annotations

import signal
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
from PIL import Image

from cli.command_line import DUMMIES, LENGTH, CommandLine, Ran
from cli.processes import Process
from panic_tda.content import Image as Content
from panic_tda.figures.packing import packing
from panic_tda.lab.laboratory import load_config, perform
from panic_tda.store.database import open_record
from panic_tda.store.outputs import load_image


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


def decoded(path: str) -> list[av.VideoFrame]:
    with av.open(path) as container:
        return list(container.decode(video=0))


def test_a_film_has_a_frame_for_each_step(command: CommandLine, experiment_id: str) -> None:
    ran = command("export", "video", "latest", "--out", "deep/film.mp4", "--resolution", "320x180", "--fps", "2")
    assert (ran.code, ran.out) == (0, "deep/film.mp4\n")
    assert ran.err.splitlines()[0] == f"film 0/{LENGTH} (0 %)"
    assert ran.err.splitlines()[-1].startswith(f"film {LENGTH}/{LENGTH} (100 %), ")
    with av.open("deep/film.mp4") as container:
        [stream] = container.streams
        assert (stream.codec_context.name, stream.codec_context.codec_tag) == ("hevc", "hvc1")
        assert (stream.codec_context.width, stream.codec_context.height) == (320, 180)
        assert (stream.frames, stream.average_rate) == (LENGTH, 2)
        assert container.metadata["title"] == "Feedback loops: “a red apple” · DummyT2I → DummyI2T · 2 runs"


@pytest.mark.parametrize(("codec", "name"), [("h265", "hevc"), ("h264", "h264"), ("av1", "libdav1d")])
def test_every_codec_and_no_word_when_quiet(command: CommandLine, experiment_id: str, codec: str, name: str) -> None:
    words = ("--codec", codec, "--quality", "draft", "--resolution", "256x256", "--quiet", "--json")
    ran = command("export", "video", experiment_id, "--out", "a.mp4", *words)
    assert (ran.json, ran.err) == ({"files": ["a.mp4"]}, "")
    with av.open("a.mp4") as container:
        assert container.streams[0].codec_context.name == name


def test_a_film_shows_the_recorded_image_of_a_run_in_its_place(command: CommandLine, experiment_id: str) -> None:
    with open_record("panic-tda.sqlite") as record, record.reading() as connection:
        rows = connection.execute(sa.text("SELECT id FROM runs WHERE seed = 7")).scalars().all()
        query = "SELECT output_id FROM invocations WHERE run_id = :run AND sequence_number = 2"
        key = connection.execute(sa.text(query), {"run": rows[0]}).scalar_one()
        colour = load_image(connection, key).pixels[:3]
    command("export", "video", rows[0], "--out", "a.mp4", "--resolution", "640x360")
    grid = packing(1, 640, 360)
    left, top, width, height = grid.arrangement.picture
    seen = decoded("a.mp4")[2].to_ndarray(format="rgb24")[grid.cell(0).top + top + height // 2, left + width // 2]
    assert np.abs(seen.astype(int) - np.frombuffer(colour, np.uint8)).max() < 6


def test_a_timeline_of_a_run_and_of_an_experiment(command: CommandLine, experiment_id: str) -> None:
    runs = command("run", "list", "--json").json
    assert command("export", "timeline", runs[0]["id"], "--out", "one.png", "--json").json == {"files": ["one.png"]}
    assert command("export", "timeline", "latest", "--out", "all.svg").out == "all.svg\n"
    with Image.open("one.png") as picture:
        assert picture.width > picture.height > 100
    root = ElementTree.parse("all.svg").getroot()
    assert sum(element.tag.endswith("}image") for element in root.iter()) == LENGTH


@pytest.mark.parametrize(("kind", "ending"), [("png", "png"), ("webp", "webp"), ("avif", "avif"), ("jpeg", "jpg")])
def test_images_are_a_file_each(command: CommandLine, experiment_id: str, kind: str, ending: str) -> None:
    ran = command("export", "images", "latest", "--out", "pictures", "--format", kind)
    runs = [run["id"] for run in command("run", "list", "--json").json]
    assert ran.out.splitlines() == [f"pictures/{run}-{step:05}.{ending}" for run in runs for step in (0, 2, 4)]
    assert ran.err.splitlines()[-1].startswith("images 6/6 (100 %)")
    for line in ran.out.splitlines():
        with Image.open(line) as picture:
            assert picture.size == (256, 256)


def test_exported_images_have_the_recorded_pixels(command: CommandLine, experiment_id: str) -> None:
    command("export", "images", experiment_id, "--out", "pictures", "--quiet")
    made = command("run", "show", "latest", "--json").json
    for step in made["invocations"][::2]:
        with Image.open(f"pictures/{made['id']}-{step['sequence_number']:05}.png") as picture:
            assert Content.from_pillow(picture).sha256 == step["image_sha256"]


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
    assert refused(command("export", "video", "latest", "--out", "f.avi")) == "--out f.avi must end in .mp4"
    assert refused(command("export", "timeline", "latest", "--out", "t.pdf")).endswith(".avif or .svg")
    assert refused(command("export", "images", "latest", "--out", "file")) == "--out file is a file; name a folder"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("video", "--codec", "vp9"), "--codec 'vp9' is not one of h265, h264, av1"),
        (("video", "--quality", "11"), "--quality '11' is not one of draft, good, best"),
        (("video", "--resolution", "2k"), "--resolution '2k' is not hd, 4k, 8k or WIDTHxHEIGHT, as 1280x720"),
        (("video", "--resolution", "641x480"), "a frame of 641x480 pixels: both sides must be even"),
        (("video", "--resolution", "64x64"), "a frame of 64x64 pixels: both sides must be 128 to 8,192"),
        (("images", "--format", "gif"), "--format 'gif' is not one of png, webp, avif, jpeg"),
    ],
)
def test_wrong_options_are_refused_in_one_line(command: CommandLine, words: tuple[str, ...], said: str) -> None:
    ran = command("export", words[0], "latest", "--out", "a.mp4" if words[0] == "video" else "out", *words[1:])
    assert (refused(ran), ran.out) == (said, "")
    assert list(command.folder.iterdir()) == []


def test_a_rate_of_nothing_is_refused(command: CommandLine) -> None:
    assert "--fps" in refused(command("export", "video", "latest", "--out", "a.mp4", "--fps", "0"))


def test_an_experiment_without_a_step_has_no_film(command: CommandLine, experiment_id: str) -> None:
    with open_record("panic-tda.sqlite") as record, record.writing() as connection:
        connection.execute(sa.text("DELETE FROM invocations"))
        connection.execute(sa.text("UPDATE runs SET length = 0"))
    ran = command("export", "video", "latest", "--out", "a.mp4")
    assert refused(ran) == "there is nothing to show yet: no run has made a step"
    assert not Path("a.mp4").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_film_leaves_no_file(command: CommandLine, experiment_id: str, number: signal.Signals) -> None:
    with open_record("panic-tda.sqlite") as record:
        perform(record, load_config(DUMMIES | {"max_length": 200, "seeds": [-1]}))
    process = Process(command.folder, "export", "video", "latest", "--out", "a.mp4", "--resolution", "4k")
    process.wait_for("film 0/200")  # of frames that take far longer than a signal
    process.send(number)
    code, out, err = process.finish()
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert [path.name for path in command.folder.iterdir() if "a.mp4" in path.name] == []


@pytest.mark.parametrize(
    "words",
    [
        *(("mosaic", "m.png"), ("report", "r.html"), ("parquet", "p"), ("timeline", "t.svg")),
        *(("video", "v.mp4"), ("images", "i")),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line(
    command: CommandLine, experiment_id: str, words: tuple[str, str]
) -> None:
    Path("file").touch()
    ran = command("export", words[0], "latest", "--out", f"file/{words[1]}")
    assert ran.code == 1
    error, hint = ran.err.splitlines()[-2:]
    assert error.startswith("error: file")
    assert hint == "hint: check the path and its permissions"
    assert (
        command("export", words[0], "latest", "--out", f"file/{words[1]}", "--json").json["error"]["type"]
        == "NotWritten"
    )


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
