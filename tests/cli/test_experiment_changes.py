"""Resuming, extending, deleting and validating experiments from the command line."""

from __future__ import annotations

import os
import socket
import sqlite3
from typing import Any

import pytest

from cli.command_line import CommandLine, Ran
from support.records import counts

FORECAST = {"runs", "invocations", "models", "estimated_seconds", "warnings", "feasible"}
FORECAST_MODEL = {"name", "version", "signature", "memory_bytes", "memory_source", "calls", "batch_size", "problems"}


def execute(command: CommandLine, statement: str, *values: object) -> None:
    with sqlite3.connect(command.folder / "panic-tda.sqlite") as connection:
        connection.execute(statement, values)
    connection.close()


def table_sizes(command: CommandLine) -> dict[str, int]:
    from panic_tda.store.database import open_record

    with open_record(command.folder / "panic-tda.sqlite") as record, record.reading() as connection:
        return counts(connection)


def test_resume_does_what_is_missing(command: CommandLine, experiment_id: str) -> None:
    execute(command, "DELETE FROM invocations WHERE sequence_number >= 2")
    resumed = command("experiment", "resume", "latest", "--json")
    assert resumed.json["invocations"] == 12
    assert resumed.json["id"] == experiment_id
    assert command("run", "show", "latest", "--json").json["length"] == 6


def test_resuming_what_is_complete_changes_nothing(command: CommandLine, experiment_id: str) -> None:
    before = command("run", "show", "latest", "--json").json
    sizes = table_sizes(command)
    ran = command("experiment", "resume", experiment_id)
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"experiment {experiment_id}")
    assert command("run", "show", "latest", "--json").json == before
    assert table_sizes(command) == sizes


def test_an_experiment_named_twice_is_resumed_once(command: CommandLine, experiment_id: str) -> None:
    execute(command, "DELETE FROM invocations WHERE sequence_number >= 2")
    resumed = command("experiment", "resume", "latest", experiment_id[:13], "--json")
    assert resumed.json["invocations"] == 12


def test_extend_adds_steps_prompts_and_seeds(command: CommandLine, experiment_id: str) -> None:
    longer = command("experiment", "extend", "latest", "--max-length", "8", "--json").json
    assert (longer["id"], longer["runs"], longer["invocations"]) == (experiment_id, 2, 16)
    wider = command("experiment", "extend", "latest", "--prompt", "a ship", "--prompt", "a wolf", "--json").json
    assert (wider["runs"], wider["invocations"]) == (6, 48)
    more = command("experiment", "extend", "latest", "--seed", "8", "--seed", "7", "--json").json
    assert (more["runs"], more["invocations"]) == (9, 72)
    config = command("experiment", "show", "latest", "--json").json["config"]
    assert (config["max_length"], config["seeds"]) == (8, [7, -1, 8])
    assert config["prompts"] == ["a red apple", "a ship", "a wolf"]


@pytest.mark.parametrize(
    ("options", "there", "runs"),
    [
        (["--seed", "7"], "seed 7", 2),
        (["--seed", "8", "--seed", "7", "--seed", "-1"], "seed 7, seed -1", 3),
        (["--prompt", "a red apple", "--prompt", "a ship"], "the prompt “a red apple”", 4),
        (["--max-length", "6", "--prompt", "a red apple"], "max_length 6, the prompt “a red apple”", 2),
    ],
)
def test_extend_says_in_one_line_what_is_there_already_and_adds_the_rest(
    command: CommandLine, experiment_id: str, options: list[str], there: str, runs: int
) -> None:
    ran = command("experiment", "extend", "latest", *options, "--json")
    assert (ran.code, ran.json["runs"], ran.json["invocations"]) == (0, runs, 6 * runs)
    said = [line for line in ran.err.splitlines() if "already" in line]
    assert said == [f"experiment {experiment_id} already has {there}"]


def test_extend_by_what_is_new_does_not_say_that_it_is_there(command: CommandLine, experiment_id: str) -> None:
    assert "already" not in command("experiment", "extend", "latest", "--seed", "8", "--max-length", "8").err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "nothing to extend"),
        (["--max-length", "3"], "it cannot shrink"),
        (["--max-length", "0"], "Invalid value for '--max-length': "),
        (["--seed", "-2"], "Invalid value for '--seed': "),
        (["--seed", "99999999999"], "seeds[2]"),
        (["--prompt", ""], "prompts[1]: must not be empty"),
    ],
)
def test_extending_by_nothing_or_nonsense_is_a_wrong_request(
    command: CommandLine, experiment_id: str, options: list[str], error: str
) -> None:
    ran = command("experiment", "extend", experiment_id, *options)
    assert ran.code == 2
    assert error in ran.err
    assert ran.err.startswith("error: ")


def test_delete_leaves_nothing_but_the_catalogue_and_the_paces(command: CommandLine, experiment_id: str) -> None:
    deleted = command("experiment", "delete", "latest", "--yes", "--json").json
    assert deleted == {"deleted": experiment_id, "runs": 2, "invocations": 12}
    left = {table for table, rows in table_sizes(command).items() if rows}
    assert left == {"model_versions", "settings"}
    assert command("experiment", "list", "--json").json == []


def test_delete_spares_what_another_experiment_uses(command: CommandLine, experiment_id: str) -> None:
    other = command("experiment", "perform", command.write(seeds=[7]), "--json").json["id"]
    before = command("run", "show", "latest", "--json").json
    assert command("experiment", "delete", experiment_id, "--yes").code == 0
    assert command("run", "show", "latest", "--json").json == before
    shown = command("experiment", "show", other, "--json").json
    assert shown["stages"]["embed"] == {"done": 6, "total": 6}


def test_delete_needs_yes_when_nobody_can_be_asked(command: CommandLine, experiment_id: str) -> None:
    refused = command("experiment", "delete", "latest")
    assert refused.code == 2
    assert refused.err == f"error: deleting experiment {experiment_id} needs --yes when nobody can be asked\n"
    assert command("experiment", "show", experiment_id).code == 0


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 130, 1), ("", 130, 1)])
def test_delete_asks_on_a_terminal(
    command: CommandLine, experiment_id: str, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert command("experiment", "delete", "latest").code == code
    assert len(command("experiment", "list", "--json").json) == left


class Terminal:
    """Someone who types one answer and then goes away."""

    def __init__(self, answer: str) -> None:
        self._lines = [f"{answer}\n"] if answer else []

    def isatty(self) -> bool:
        return True

    def readline(self, *_: object) -> str:
        return self._lines.pop() if self._lines else ""


def test_delete_refuses_an_experiment_that_a_living_process_performs(command: CommandLine, experiment_id: str) -> None:
    execute(command, "UPDATE experiments SET status = 'running'")
    performer = (experiment_id, socket.gethostname(), os.getppid())
    execute(command, "INSERT INTO performers VALUES ('theirs', ?, ?, ?, '9999-01-01 00:00:00.000000')", *performer)
    refused = command("experiment", "delete", "latest", "--yes")
    assert refused.code == 1
    assert refused.err.startswith(f"error: experiment {experiment_id} is being performed by process ")
    extended = command("experiment", "extend", "latest", "--max-length", "9", "--json")
    assert extended.json["error"]["type"] == "RecordBusy"


def validated(command: CommandLine, **changes: Any) -> Ran:
    return command("experiment", "validate", command.write(**changes), "--json")


def test_validate_says_what_would_be_done_and_does_none_of_it(command: CommandLine) -> None:
    forecast = validated(command, max_length=7).json
    assert forecast.keys() == FORECAST
    assert all(model.keys() == FORECAST_MODEL for model in forecast["models"])
    assert (forecast["runs"], forecast["invocations"], forecast["feasible"]) == (2, 14, True)
    assert {model["name"]: model["calls"] for model in forecast["models"]} == {
        "DummyT2I": 8,
        "DummyI2T": 6,
        "DummyText": 6,
        "DummyVision": 8,
    }
    assert forecast["estimated_seconds"] is None
    assert command("experiment", "list", "--json").code == 2


def test_validate_estimates_the_time_from_what_was_recorded(command: CommandLine, experiment_id: str) -> None:
    short = validated(command).json["estimated_seconds"]
    assert 0 < short < 10
    assert validated(command, max_length=6_000).json["estimated_seconds"] == pytest.approx(1_000 * short)


def test_validate_for_people_has_a_line_for_each_model(command: CommandLine) -> None:
    out = command("experiment", "validate", command.write()).out
    assert out.startswith("2 runs, at most 12 invocations, time unknown until a model has run once\n")
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["DummyT2I", "DummyI2T", "DummyText", "DummyVision"]


def test_validate_fails_when_a_model_does_not_fit(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_MEMORY_BUDGET", "1")
    ran = validated(command)
    assert (ran.code, ran.json["feasible"]) == (1, False)
    assert any("DummyT2I" in problem for model in ran.json["models"] for problem in model["problems"])
    for_people = command("experiment", "validate", command.write())
    assert for_people.code == 1
    assert "problem: DummyT2I" in for_people.err


def test_validate_warns_that_fixed_seeds_repeat_themselves(command: CommandLine) -> None:
    assert (
        "warning: num_runs repeats the fixed seeds [7]"
        in command("experiment", "validate", command.write(num_runs=3)).err
    )


def test_an_astronomical_experiment_is_forecast_at_once(command: CommandLine) -> None:
    changes: dict[str, Any] = {"seeds": list(range(10_000)), "num_runs": 100_000, "max_length": 1_000_000}
    forecast = validated(command, **changes).json
    assert (forecast["runs"], forecast["invocations"]) == (10**9, 10**15)
