"""Programs from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image as pillow

from cli.command_line import CommandLine

CAPTION = ("--signature", "text -> caption", "--strategy", "pipeline", "--model", "DummyT2I", "--model", "DummyI2T")
PAINT = ("--signature", "text -> picture: Image", "--strategy", "direct", "--model", "DummyT2I")
READ = ("--signature", "picture: Image -> caption", "--strategy", "direct", "--model", "DummyI2T")
SHORT = (
    *("--signature", "text, style -> summary", "--strategy", "template", "--model", "SmolLM2"),
    *("--param", "template=In {style} words: {text}", "--param", "style=few", "--param", "temperature=0.5"),
)


def test_create_stores_a_program_and_says_its_name_as_a_model(command: CommandLine) -> None:
    made = command("program", "create", "Caption", *CAPTION)
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("Caption@")
    assert made.out.endswith(": pipeline: text -> caption\n")
    shown = command("program", "show", "Caption")
    assert made.out.partition(":")[0] in shown.out
    assert "model       DummyT2I, DummyI2T" in shown.out


def test_with_json_show_is_what_create_prints_and_reads_again(command: CommandLine) -> None:
    made = command("program", "create", "Short", *SHORT, "--json").json
    assert made.keys() == {
        "name", "signature", "strategy", "model", "parameters", "created_at", "model_name", "version",
    }  # fmt: skip
    assert made["parameters"] == {"template": "In {style} words: {text}", "style": "few", "temperature": 0.5}
    shown = command("program", "show", "Short", "--json")
    assert shown.json == made
    (command.folder / "short.json").write_text(shown.out)
    again = command("program", "create", "Again", "--from", "short.json", "--param", "style=many", "--json").json
    assert again["parameters"] == made["parameters"] | {"style": "many"}
    assert (
        command("program", "create", "Twin", "--from", "short.json", "--json").json["parameters"] == made["parameters"]
    )


def test_what_dspy_saved_gives_instructions_and_demos(command: CommandLine) -> None:
    state: dict[str, object] = {
        "traces": [],
        "train": [],
        "signature": {"instructions": "Be bold.", "fields": []},
        "lm": None,
    }
    demo = {"augmented": True, "question": "a", "answer": "b"}
    (command.folder / "saved.json").write_text(json.dumps(state | {"demos": [demo], "metadata": {}}))
    ask = ("--signature", "question -> answer", "--strategy", "predict", "--model", "SmolLM2")
    made = command("program", "create", "Ask", *ask, "--from", "saved.json", "--json").json
    assert made["parameters"] == {"instructions": "Be bold.", "demos": [{"question": "a", "answer": "b"}]}


def test_run_prints_the_output_and_the_same_for_the_same_seed(command: CommandLine) -> None:
    command("program", "create", "Caption", *CAPTION)
    ran = command("program", "run", "Caption", "Test prompt", "--seed", "42")
    assert (ran.code, ran.out) == (0, "dummy caption: simple view #849\n")
    told = command("program", "run", "Caption", "--input", "text=Test prompt", "--seed", "42", "--json").json
    assert told.keys() == {"program", "model", "outputs", "seed", "seconds"}
    assert (told["outputs"], told["seed"]) == ({"caption": "dummy caption: simple view #849"}, 42)


def test_images_come_from_files_and_go_into_files(command: CommandLine) -> None:
    command("program", "create", "Paint", *PAINT)
    command("program", "create", "Read", *READ)
    assert command("program", "run", "Paint", "Test prompt", "--seed", "42", "--out", "made.png").out == "made.png\n"
    with pillow.open(command.folder / "made.png") as picture:
        assert picture.getpixel((0, 0)) == (32, 224, 202)
    assert command("program", "run", "Read", "made.png", "--seed", "42").out == "dummy caption: simple view #849\n"
    for words in ((), ("--out", "made.txt")):
        refused = command("program", "run", "Paint", "Test prompt", *words)
        assert (refused.code, refused.out) == (2, "")
        assert "say where to write it: --out FILE.png" in refused.err


def test_list_has_every_program_and_delete_takes_one_away(command: CommandLine) -> None:
    assert command("program", "list", "--json").json == []
    assert not (command.folder / "panic-tda.sqlite").exists()
    command("program", "create", "Paint", *PAINT)
    command("program", "create", "Caption", *CAPTION)
    assert [each["name"] for each in command("program", "list", "--json").json] == ["Caption", "Paint"]
    assert command("program", "list").out.splitlines()[1].split() == [
        "Caption", "text", "->", "caption", "pipeline", "DummyT2I,", "DummyI2T",
    ]  # fmt: skip
    assert command("program", "delete", "Paint", "--json").json == {"deleted": "Paint"}
    gone = command("program", "run", "Paint", "x", "--out", "x.png", "--json")
    assert (gone.code, gone.json["error"]["type"]) == (2, "ProgramNotFound")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("create", "Caption", *CAPTION), "there is a program Caption already"),
        (("create", "X", "--strategy", "direct", "--model", "SmolLM2"), "signature is required"),
        (("create", "X", *PAINT, "--model", "Glyph"), "unknown model 'DummyT2I, Glyph'"),
        (("create", "X", *PAINT[:4], "--model", "DummyT2"), "did you mean DummyT2I"),
        (("create", "X", *PAINT[:2], "--strategy", "direct ", *PAINT[4:]), "unknown strategy 'direct '"),
        (("create", "X", *PAINT, "--param", "temperature"), "--param 'temperature' is not NAME=VALUE"),
        (("create", "X", *PAINT, "--param", "heat=1"), "there is no parameter 'heat'"),
        (("create", "X", "--from", "nothing.json"), "nothing.json: No such file or directory"),
        (("run", "Caption"), "text is missing"),
        (("run", "Caption", "a", "--input", "b=c"), "there is no input 'b'"),
        (("run", "Caption", "--input", "b"), "--input 'b' is not NAME=VALUE"),
        (("run", "Count", "many"), "number must be a whole number, not 'many'"),
        (("run", "Capion", "a"), "did you mean Caption or Count?"),
        (("show", "Nothing"), "there is no program 'Nothing'"),
        (("delete", "Nothing"), "there is no program 'Nothing'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_exit_code_2(
    command: CommandLine, words: tuple[str, ...], message: str
) -> None:
    command("program", "create", "Caption", *CAPTION)
    count = ("--signature", "number: int -> said", "--strategy", "direct", "--model", "SmolLM2")
    command("program", "create", "Count", *count)
    ran = command("program", *words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) <= 2


def test_an_experiment_names_a_stored_program_and_keeps_it(command: CommandLine) -> None:
    command("program", "create", "Caption", *CAPTION)
    config = command.write(networks=[["Caption"]], embedding_models=["DummyText"], seeds=[7])
    told = command("experiment", "validate", config, "--json").json
    assert [each["name"].partition("@")[0] for each in told["models"]] == ["Caption", "DummyText"]
    made = command("experiment", "perform", config, "--json").json
    assert (made["status"], made["invocations"]) == ("completed", 6)
    command("program", "delete", "Caption")
    assert command("experiment", "extend", "latest", "--max-length", "8", "--json").json["invocations"] == 8
    kept = command("experiment", "show", "latest", "--json").json["config"]["programs"]
    assert kept["Caption"]["model"] == "DummyT2I, DummyI2T"
    assert command("verify", "latest", "--json").json["mismatched"] == []
    refused = command("experiment", "validate", config)
    assert (refused.code, "unknown model 'Caption'" in refused.err) == (2, True)


def test_a_copy_of_the_experiment_in_another_database_brings_its_program(command: CommandLine) -> None:
    command("program", "create", "Caption", *CAPTION)
    config = command.write(networks=[["Caption"]], embedding_models=["DummyText"], seeds=[7])
    command("experiment", "perform", config)
    command("export", "db", "latest", "--out", "other.sqlite")
    assert [each["name"] for each in command("--db", "other.sqlite", "program", "list", "--json").json] == ["Caption"]
    assert command("--db", "other.sqlite", "experiment", "extend", "latest", "--max-length", "7").code == 0
    assert Path("other.sqlite").exists()


def test_the_schema_for_editors_names_stored_programs(command: CommandLine) -> None:
    command("program", "create", "Caption", *CAPTION)
    schema = command("config", "schema").json
    assert "Caption" in schema["$defs"]["NodeConfig"]["properties"]["model"]["enum"]
