from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from panic_tda.errors import ConfigurationError
from panic_tda.settings import Rule, Settings, load_settings

DEFAULTS = asdict(Settings())


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def issues_of(path: Path | None, environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, environment)
    return caught.value.issues


def test_nothing_set_means_the_defaults() -> None:
    assert asdict(load_settings(None, {})) == DEFAULTS


def test_the_environment_overrides_the_file_and_flags_override_both(tmp_path: Path) -> None:
    path = written(tmp_path, 'db = "file"\nexecutor = "process"\nbatch_size = 1\nthreads = 1\noffline = true\n')
    environment = {"PANIC_TDA_EXECUTOR": "ray", "PANIC_TDA_BATCH_SIZE": "2"}
    flags = {"batch_size": 3, "db": None, "executor": None, "offline": False}
    settings = load_settings(path, environment).updated(flags)
    assert asdict(settings) == DEFAULTS | {
        "db": "file", "executor": "ray", "batch_size": 3, "threads": 1, "offline": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("db", "postgresql://host/name", "postgresql://host/name"),
        ("batch_size", "16", 16),
        ("memory_budget", "0", 0),
        ("offline", "1", True),
        ("offline", "Yes", True),
        ("offline", "TRUE", True),
        ("offline", "no", False),
        ("offline", "", False),
    ],
)
def test_every_type_can_be_set_in_the_environment(name: str, text: str, value: Any) -> None:
    settings = load_settings(None, {f"PANIC_TDA_{name.upper()}": text})
    assert asdict(settings) == DEFAULTS | {name: value}


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("batch_size", "many", "int"),
        ("batch_size", "1.5", "int"),
        ("threads", "--5", "int"),
        ("threads", "²", "int"),
        ("offline", "maybe", "bool"),
    ],
)
def test_what_does_not_fit_in_the_environment_is_named(name: str, text: str, wanted: str) -> None:
    variable = f"PANIC_TDA_{name.upper()}"
    assert issues_of(None, {variable: text}) == (f"{variable} must be of type {wanted}, not {text!r}",)


def test_folders_of_weights_come_as_a_table_or_as_pairs(tmp_path: Path) -> None:
    path = written(tmp_path, '[weights]\nSDXLTurbo = "turbo"\nBLIP2 = "/data/blip2"\n')
    folders = (("SDXLTurbo", str(tmp_path / "turbo")), ("BLIP2", "/data/blip2"))
    assert load_settings(path, {}).weights == folders
    assert load_settings(None, {"PANIC_TDA_WEIGHTS": "A=/a:B=/b=c"}).weights == (("A", "/a"), ("B", "/b=c"))


def test_folders_of_weights_that_are_none_are_named(tmp_path: Path) -> None:
    assert "weights must be a table of folders, not 3" in issues_of(written(tmp_path, "weights = 3"), {})[0]
    assert "weights must be a table of folders" in issues_of(written(tmp_path, "[weights]\nA = 3\n"), {})[0]
    assert issues_of(None, {"PANIC_TDA_WEIGHTS": "A"}) == (
        "PANIC_TDA_WEIGHTS must be NAME=FOLDER:NAME=FOLDER…, not 'A'",
    )


RULES = (Rule("process", model="Flux*", needs_gpu=True), Rule("ray", task="text->text", min_parameters=1e9))


def test_rules_come_as_tables_or_as_json(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        '[[rules]]\nmatch = { model = "Flux*", needs_gpu = true }\nto = "process"\n'
        '[[rules]]\nmatch = { task = "text->text", min_parameters = 1e9 }\nto = "ray"\n'
    )
    assert load_settings(path, {}).rules == RULES
    given = [
        {"match": {"model": "Flux*", "needs_gpu": True}, "to": "process"},
        {"match": {"task": "text->text", "min_parameters": 1e9}, "to": "ray"},
    ]
    assert load_settings(None, {"PANIC_TDA_RULES": json.dumps(given)}).rules == RULES
    assert str(RULES[0]) == "model = 'Flux*', needs_gpu = True → process"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"match": {"modell": "a"}, "to": "ray"}]', "rule 1 must be"),
        ('[{"match": {"model": 3}, "to": "ray"}]', "rule 1 must be"),
        ('[{"to": "ray"}, {"match": {}}]', "rule 2 must be"),
        ('[{"to": "ray", "when": 1}]', "rule 1 must be"),
        ("[3]", "rule 1 must be"),
        ("{}", "must be a list of"),
        ("no json", "must be a list of"),
        ('[{"to": "mars"}]', "rule 1: unknown executor 'mars' (there is: auto, inprocess, process, ray, remote)"),
    ],
)
def test_rules_that_are_none_are_named(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, {"PANIC_TDA_RULES": text})
    assert said in caught.value.issues[0]


def test_variables_of_others_are_ignored() -> None:
    assert load_settings(None, {"BATCH_SIZE": "7", "PANIC_TDA_CACHE": "/cache"}) == Settings()


def test_the_environment_of_the_process_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_THREADS", "3")
    assert load_settings().threads == 3


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, 'batchsize = 4\nthreads = "two"\noffline = 1\nmemory_budget = -5\nexecutor = "x"\n')
    issues = issues_of(path, {"PANIC_TDA_BATCH_SIZE": "-1", "PANIC_TDA_OFFLINE": "maybe"})
    told = "; ".join(issues)
    assert len(issues) == 7
    for part in (
        f"unknown setting 'batchsize' (known: {', '.join(DEFAULTS)})",
        "threads must be of type int, not 'two'",
        "offline must be of type bool, not 1",
        "memory_budget must not be negative, it is -5",
        "executor: unknown executor 'x' (there is: auto, inprocess, process, ray, remote)",
        "batch_size must not be negative, it is -1",
        "PANIC_TDA_OFFLINE must be of type bool, not 'maybe'",
    ):
        assert part in told


def test_a_truth_value_is_not_a_number(tmp_path: Path) -> None:
    assert "threads must be of type int, not True" in issues_of(written(tmp_path, "threads = true"), {})[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"db = ", "Invalid value"), (b"\xff\xfe", "can't decode byte")],
    ids=["missing", "no toml", "no text"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content)
    (issue,) = issues_of(path, {})
    assert issue.startswith(f"{path}: ")
    assert reason in issue


def test_an_empty_variable_is_like_none() -> None:
    assert load_settings(None, {"PANIC_TDA_DB": "", "PANIC_TDA_BATCH_SIZE": ""}) == Settings()


def test_a_misspelt_variable_is_named() -> None:
    (issue,) = issues_of(None, {"PANIC_TDA_BATCHSIZE": "4", "PANIC_TDA_CACHE": "somewhere"})
    assert issue.startswith("PANIC_TDA_BATCHSIZE is not a setting (known: PANIC_TDA_BATCH_SIZE, ")
