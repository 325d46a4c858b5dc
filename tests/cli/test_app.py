"""Global options, errors, exit codes, and what scripts may rely on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.command_line import CommandLine
from panic_tda import __version__
from panic_tda.cli import globals_first

COMMANDS = (
    *("demo", "experiment perform", "experiment validate", "experiment resume", "experiment extend"),
    *("experiment list", "experiment show", "experiment delete", "run list", "run show"),
    *("model list", "model show", "model download", "model measure"),
    *("export parquet", "export mosaic", "export report", "config schema"),
)


def test_version(command: CommandLine) -> None:
    assert command("--version").out == f"panic-tda {__version__}\n"


@pytest.mark.parametrize("arguments", [["-m", "panic_tda"], [str(Path(sys.executable).with_name("panic-tda"))]])
def test_it_runs_as_a_module_and_as_a_script(arguments: list[str]) -> None:
    program = [sys.executable, *arguments] if arguments[0] == "-m" else arguments
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"panic-tda {__version__}\n", "")


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_for_itself_and_its_options(command: CommandLine, words: str) -> None:
    ran = command(*words.split(), "--help")
    assert ran.code == 0
    assert f"panic-tda {words}" in ran.out
    assert command(*words.split(), "-h").out == ran.out


@pytest.mark.parametrize("words", [(), ("experiment",), ("run",), ("model",), ("export",), ("config",)])
def test_a_noun_alone_prints_its_commands_and_no_error(command: CommandLine, words: tuple[str, ...]) -> None:
    ran = command(*words)
    assert "Commands" in ran.out
    assert (ran.code, ran.err) == (2, "")


@pytest.mark.parametrize("position", range(4))
def test_global_options_may_stand_anywhere(command: CommandLine, experiment_id: str, position: int) -> None:
    Path("panic-tda.sqlite").rename("elsewhere.sqlite")
    words = ["experiment", "show", experiment_id]
    words[position:position] = ["--db", "elsewhere.sqlite", "--json"]
    assert command(*words).json["id"] == experiment_id
    words[position : position + 2] = ["--db=elsewhere.sqlite"]
    assert command(*words).json["id"] == experiment_id


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("run list --json", "--json run list"),
        ("run --quiet list --config a.toml", "--quiet --config a.toml run list"),
        ("run list -- --json", "run list -- --json"),
        ("--db x run --verbose list --db y", "--db x --verbose --db y run list"),
        ("run list --limit 3", "run list --limit 3"),
        ("finetune run --config a.yaml --json", "--json finetune run --config a.yaml"),
        ("--config a.toml finetune run --config=b.yaml", "--config a.toml finetune run --config=b.yaml"),
    ],
)
def test_global_options_are_moved_to_the_front(given: str, wanted: str) -> None:
    assert globals_first(given.split()) == wanted.split()


def test_an_option_without_its_argument_is_named(command: CommandLine) -> None:
    assert "--db" in command("experiment", "list", "--db").err.splitlines()[0]


def test_the_database_comes_from_the_flag_then_the_environment_then_the_settings_file(
    command: CommandLine, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("panic-tda.sqlite").rename("mine.sqlite")
    Path("settings.toml").write_text('db = "mine.sqlite"\n', encoding="utf-8")
    assert command("experiment", "list", "--config", "settings.toml").code == 0
    monkeypatch.setenv("PANIC_TDA_DB", "missing.sqlite")
    assert "missing.sqlite" in command("experiment", "list", "--config", "settings.toml").err
    assert command("experiment", "list", "--config", "settings.toml", "--db", "mine.sqlite").code == 0


WRONG = {
    "no such command": ("frobnicate",),
    "no such command of a noun": ("experiment", "frobnicate"),
    "no such option": ("run", "list", "--frobnicate"),
    "an argument too few": ("experiment", "show"),
    "an argument too many": ("config", "schema", "more"),
    "an argument of the wrong type": ("run", "list", "--limit", "many"),
    "no database": ("experiment", "list"),
    "no such experiment": ("experiment", "show", "x", "--db", "empty.sqlite"),
    "no experiment yet": ("experiment", "show", "latest", "--db", "empty.sqlite"),
    "no run yet": ("run", "show", "latest", "--db", "empty.sqlite"),
    "no such model": ("model", "show", "Nothing"),
    "no such file": ("experiment", "perform", "nothing.yaml"),
    "no such settings": ("experiment", "list", "--config", "nothing.toml"),
    "a folder for a database": ("experiment", "list", "--db", "."),
    "a database that is not supported": ("experiment", "list", "--db", "mysql://host/name"),
    "a database in memory": ("experiment", "list", "--db", "sqlite://"),
    "nobody to ask": ("experiment", "delete", "latest", "--db", "empty.sqlite"),
}


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_request_is_exit_code_2_in_one_or_two_lines(
    command: CommandLine, sqlite_template: Path, words: tuple[str, ...]
) -> None:
    Path("empty.sqlite").write_bytes(sqlite_template.read_bytes())
    ran = command(*words)
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(r"error: [^\n]{10,}\n(hint: [^\n]+\n)?", ran.err)
    as_json = command(*words, "--json")
    assert as_json.code == 2
    assert as_json.err == ""
    assert as_json.json["error"].keys() - {"issues"} == {"type", "message", "hint"}
    assert as_json.json["error"]["message"] in ran.err or "issues" in as_json.json["error"]


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(command: CommandLine) -> None:
    Path("notes.txt").write_text("not a database, but dear to someone", encoding="utf-8")
    ran = command("experiment", "perform", command.write(), "--db", "notes.txt")
    assert (ran.code, "Traceback" in ran.err) == (1, False)
    assert ran.err.startswith("error: ")
    assert Path("notes.txt").read_text(encoding="utf-8") == "not a database, but dear to someone"


def test_a_database_that_breaks_under_a_command_is_one_line(command: CommandLine, experiment_id: str) -> None:
    path = Path("panic-tda.sqlite")
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xa5" * (len(content) - 8192))
    ran = command("run", "list")
    assert ran.code == 1
    assert re.fullmatch("error: [^\n]*malformed\n(hint: [^\n]+\n)?", ran.err)


def test_a_keyboard_interrupt_is_exit_code_130(
    command: CommandLine, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("panic_tda.store.runs.list_runs", interrupted)
    ran = command("run", "list")
    assert (ran.code, ran.out, "Traceback" in ran.err) == (130, "", False)


def test_a_defect_keeps_its_traceback(
    command: CommandLine, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panic_tda.store.runs.list_runs", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command("run", "list")


def test_json_with_characters_that_stdout_cannot_hold_is_still_json(command: CommandLine) -> None:
    Path("odd.json").write_text('{"key \\ud800": 1, "new\\nline": 2}', encoding="utf-8")
    document = command("experiment", "validate", "odd.json", "--json").json
    assert any("ud800" in issue for issue in document["error"]["issues"])


def test_the_schema_command_prints_the_schema(command: CommandLine) -> None:
    from panic_tda.lab.config import config_schema

    assert command("config", "schema").json == json.loads(json.dumps(config_schema()))
