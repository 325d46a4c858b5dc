"""Ctrl-C and SIGTERM, sent to real processes while a model is at work."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from cli.processes import Process, install_gatekeeper
from panic_tda.store.database import open_record
from panic_tda.store.experiments import find_experiment
from support.canonical import Canonical, canonical

EXPERIMENT = {
    "network": ["Gatekeeper"],
    "prompts": ["one", "two", "three"],
    "seeds": [1, 2],
    "embedding_models": ["DummyText"],
    "max_length": 5,
}
RUNS, INVOCATIONS, BATCH = 6, 30, 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    install_gatekeeper(tmp_path / "plugins")
    (tmp_path / "e.json").write_text(json.dumps(EXPERIMENT), encoding="utf-8")
    os.mkfifo(tmp_path / "gate")
    return tmp_path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Canonical:
    """The record of the experiment when nobody interrupts it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    install_gatekeeper(folder / "plugins")
    (folder / "e.json").write_text(json.dumps(EXPERIMENT), encoding="utf-8")
    assert Process(folder, "experiment", "perform", "e.json").finish()[0] == 0
    return recorded(folder / "panic-tda.sqlite")


def recorded(path: Path) -> Canonical:
    """What the record holds, which must be whole."""
    with open_record(path) as record:
        with record.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            key = find_experiment(connection, "latest").id
        return canonical(record, key)


def begin(folder: Path, *words: str) -> Process:
    """A command that performs the experiment and stands in the middle of its first batch."""
    process = Process(folder, "experiment", "perform", "e.json", *words, GATE=str(folder / "gate"))
    process.wait_for("the model is called")
    return process


def open_gate(folder: Path) -> None:
    (folder / "gate").open("w").close()


def resumed(folder: Path, *words: str) -> dict[str, object]:
    code, out, _ = Process(folder, *words, "experiment", "resume", "latest", "--json").finish()
    assert code == 0
    outcome: dict[str, object] = json.loads(out)
    return outcome


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_finishes_the_batch_and_says_how_to_go_on(
    folder: Path, number: signal.Signals, undisturbed: Canonical
) -> None:
    process = begin(folder, "--db", "my record.sqlite")
    process.send(number)
    process.wait_for("stopping after the batch in flight; once more to stop now")
    open_gate(folder)
    code, out, err = process.finish()
    assert code == 130
    assert "Traceback" not in err
    first, last = out.splitlines()
    key = first.removeprefix("experiment ")
    assert f"go on with: panic-tda --db 'my record.sqlite' experiment resume {key}\n" in err
    done = int(last.partition(" runs, ")[2].partition(" ")[0])
    assert last.startswith(f"interrupted: {RUNS} runs, ")
    assert BATCH <= done <= 3 * BATCH
    outcome = resumed(folder, "--db", "my record.sqlite")
    assert (outcome["id"], outcome["status"], outcome["invocations"]) == (key, "completed", INVOCATIONS)
    assert recorded(folder / "my record.sqlite") == undisturbed


def test_the_second_signal_ends_at_once_and_what_is_recorded_can_be_resumed(
    folder: Path, undisturbed: Canonical
) -> None:
    process = begin(folder)
    process.send(signal.SIGINT)
    process.wait_for("stopping after the batch in flight")
    process.send(signal.SIGINT)
    code, _, err = process.finish()  # the gate is still closed: the batch cannot have finished
    assert code == 130
    assert "Traceback" not in err
    assert resumed(folder)["invocations"] == INVOCATIONS
    assert recorded(folder / "panic-tda.sqlite") == undisturbed


def test_a_command_under_nohup_does_not_hear_that_its_terminal_was_closed(folder: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = begin(folder)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send(signal.SIGHUP)
    open_gate(folder)
    code, out, _ = process.finish()
    assert code == 0
    assert f"completed: {RUNS} runs, {INVOCATIONS} invocations" in out


def test_an_interrupted_command_with_json_still_prints_its_document(folder: Path) -> None:
    process = begin(folder, "--json")
    process.send(signal.SIGINT)
    process.wait_for("stopping")
    open_gate(folder)
    code, out, _ = process.finish()
    assert (code, json.loads(out)["status"]) == (130, "interrupted")


def test_a_quiet_command_is_interrupted_without_a_word(folder: Path) -> None:
    process = begin(folder, "--quiet")
    process.send(signal.SIGTERM)
    open_gate(folder)
    code, _, err = process.finish()
    assert (code, err) == (130, "the model is called\n")


def test_a_killed_process_leaves_an_experiment_that_is_interrupted_and_can_be_resumed(folder: Path) -> None:
    process = begin(folder)
    process.send(signal.SIGKILL)
    assert process.finish()[0] == -signal.SIGKILL
    _, out, _ = Process(folder, "experiment", "list", "--json").finish()
    assert [row["status"] for row in json.loads(out)] == ["interrupted"]
    assert resumed(folder)["invocations"] == INVOCATIONS


def test_a_second_process_cannot_extend_or_delete_what_the_first_performs(folder: Path) -> None:
    process = begin(folder)
    for words in (("extend", "latest", "--seed", "9"), ("delete", "latest", "--yes")):
        code, out, _ = Process(folder, "experiment", *words, "--json").finish()
        assert (code, json.loads(out)["error"]["type"]) == (1, "RecordBusy")
    open_gate(folder)
    assert process.finish()[0] == 0
