"""Models at an address, the way a user has them: added, looked at, performed, interrupted, resumed and checked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from cli.command_line import CommandLine
from panic_tda.models.remote.breaker import PAUSE_S
from support.openai_server import CHAT, EMBEDDINGS, IMAGES, OpenAIServer, answer, chat_answer, choice, painting, serving
from support.remote import still
from support.times import StillTime

__all__ = ["still"]

KEY = "sk-0123456789-very-secret"
FAR = "https://api.example.com/v1"
LENGTH = 6


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, command: CommandLine, still: StillTime) -> None:
    """An empty shelf, no key of the machine's, and time that stands still."""
    monkeypatch.setenv("PANIC_TDA_CACHE", str(command.folder / "cache"))
    monkeypatch.setenv("SOME_KEY", KEY)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """A server that wants a key."""
    with serving(KEY) as started:
        yield started


def add(command: CommandLine, name: str, address: str, task: str, **options: Any) -> Any:
    given = {"task": task, "model": "m", "key_env": "SOME_KEY", **options}
    words = [word for key, value in given.items() for word in ("--option", f"{key}={value}")]
    ran = command("model", "add", name, "--from", address, "--family", "remote", *words, "--json")
    assert ran.code == 0, ran.out
    return ran.json


@pytest.fixture
def far(command: CommandLine, server: OpenAIServer) -> OpenAIServer:
    """One server with four models."""
    add(command, "Writer", server.url, "text->text", concurrency=1)
    add(command, "Painter", server.url, "text->image", size=32)
    add(command, "Looker", server.url, "image->text")
    add(command, "Ruler", server.url, "text->vector", dims=8)
    return server


def config(command: CommandLine, **changes: Any) -> str:
    wanted = {
        "networks": [["Writer"], ["Painter", {"model": "Looker", "max_tokens": 20}]],
        "prompts": ["a red apple", "the sea"],
        "seeds": [7, 8],
        "embedding_models": ["Ruler"],
        "max_length": LENGTH,
    }
    path = command.folder / "experiment.json"
    path.write_text(json.dumps(wanted | changes), encoding="utf-8")
    return str(path)


def rows(command: CommandLine, query: str) -> list[Any]:
    with closing(sqlite3.connect(command.folder / "panic-tda.sqlite")) as connection:
        return connection.execute(query).fetchall()


def test_an_added_address_is_listed_shown_and_held_against_the_machine(command: CommandLine) -> None:
    row = add(command, "Writer", FAR, "text->text", model="gpt-x")
    assert (row["signature"], row["memory_bytes"], row["here"], row["extra"]) == ("text -> text", 0, False, "remote")
    assert row["endpoint"] == {
        "url": FAR,
        "model": "gpt-x",
        "key_env": "SOME_KEY",
        "concurrency": 4,
        "timeout_s": 120.0,
    }
    assert "Writer" in [each["name"] for each in command("model", "list", "--json").json]
    assert "Writer" not in [each["name"] for each in command("model", "list", "--here", "--json").json]
    shown = command("model", "show", "Writer").out
    assert f"computes  at {FAR} as gpt-x, with the key in SOME_KEY\n" in shown
    assert "gpt-x at api.example.com" in shown
    assert "tier      free" in shown
    fit = command("model", "fit", "Writer", "--json")
    assert (fit.code, fit.json["runs"], fit.json["endpoint"], fit.json["unreachable"]) == (0, True, FAR, "")
    assert command("model", "fit", "Writer").out == (
        f"Writer takes no memory here: it is computed at {FAR}; ready to run\n"
    )
    recommended = command("model", "recommend", "--task", "text->text", "--json").json
    assert "Writer" in [each["model"] for each in recommended if each["runs"]]
    assert command("model", "download", "Writer").out == "Writer: needs no download\n"
    assert command("config", "schema").out.count('"Writer"') >= 1


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--from", FAR), "a model at an address is of the family remote"),
        (("--from", FAR, "--family", "causal_lm"), "a model at an address is of the family remote"),
        (("--from", "folder", "--family", "remote"), "the address must begin with http:// or https:// and a host"),
        (("--from", FAR, "--family", "remote"), "--option task=… must be one of"),
        (("--from", FAR, "--family", "remote", "--trust-remote-code"), "brings no Python code to trust"),
        (("--from", FAR, "--family", "remote", "--option", "task=text->text"), "--option model=… is required"),
    ],
)
def test_what_cannot_be_added_is_one_line(command: CommandLine, words: tuple[str, ...], fault: str) -> None:
    ran = command("model", "add", "Writer", *words)
    assert ran.code == 2
    assert fault in ran.err.splitlines()[0]
    assert not (command.folder / "cache" / "models.json").exists()


def test_a_name_of_the_catalogue_stays_what_it_is(command: CommandLine) -> None:
    words = ("model", "add", "Glyph", "--from", FAR, "--family", "remote", "--option", "task=text->image")
    assert command(*words).err == "error: the name Glyph is taken, and its weights are no folder\n"


def test_offline_its_use_is_one_clear_line(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    add(command, "Writer", FAR, "text->text")
    monkeypatch.setenv("PANIC_TDA_OFFLINE", "yes")
    said = f"Writer is computed at {FAR}, and the settings say offline"
    experiment = config(command, networks=[["Writer"]], embedding_models=["DummyText"])
    validated = command("experiment", "validate", experiment, "--json")
    [writer] = [model for model in validated.json["models"] if model["name"] == "Writer"]
    assert validated.code == 1
    assert writer["problems"][0].startswith(said)
    performed = command("experiment", "perform", experiment)
    assert (performed.code, performed.err.splitlines()[0]) == (1, f"error: {said}")
    measured = command("model", "measure", "Writer")
    assert (measured.code, measured.err.splitlines()[0]) == (1, f"error: {said}")
    assert command("model", "fit", "Writer").out.endswith(f"; {said}\n")
    assert not command("model", "fit", "Writer", "--json").json["runs"]


def test_a_server_on_this_machine_needs_no_network(far: OpenAIServer, command: CommandLine) -> None:
    (command.folder / "settings.toml").write_text("offline = true\n")
    ran = command("--config", "settings.toml", "experiment", "perform", config(command), "--json")
    assert (ran.json["status"], ran.json["failures"]) == ("completed", 0)


def test_without_its_key_nothing_begins(
    far: OpenAIServer, command: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOME_KEY")
    said = f"Writer: the environment variable SOME_KEY with the key of {far.url} is not set"
    ran = command("experiment", "perform", config(command))
    assert (ran.code, ran.err.splitlines()) == (1, [f"error: {said}", "hint: export SOME_KEY=…"])
    assert rows(command, "SELECT * FROM experiments") == []
    assert far.asked == []


def test_networks_of_remote_models_are_performed_and_recorded(far: OpenAIServer, command: CommandLine) -> None:
    ran = command("experiment", "perform", config(command), "--json")
    assert (ran.code, ran.json["status"], ran.json["failures"]) == (0, "completed", 0)
    assert ran.json["invocations"] == 8 * LENGTH
    texts = {text for (text,) in rows(command, "SELECT text FROM outputs WHERE text LIKE 'answer %'")}
    # The chain goes from exact pixels to exact pixels.
    first = painting("a red apple", 7, 32, 32)
    caption = f"{chat_answer(first, 7)}\nand more"
    assert {caption, f"{chat_answer(painting(caption, 7, 32, 32), 7)}\nand more"} <= texts
    assert ran.json["embeddings"] == len(texts)
    assert {CHAT, IMAGES, EMBEDDINGS} == set(far.paths)
    versions = rows(command, "SELECT name, version, family, device, tier, weights FROM model_versions ORDER BY name")
    assert [row[0] for row in versions] == ["Looker", "Painter", "Ruler", "Writer"]
    assert {row[2:5] for row in versions} == {("remote", "remote", "free")}
    assert json.loads(versions[1][5]) == [{"endpoint": far.url, "model": "m", "options": {"size": 32}}]
    assert command("doctor", "--json").code == 0
    verified = command("verify", "latest")
    assert verified.code == 2
    assert "Writer does not repeat itself (tier free)" in verified.err


def test_a_server_that_goes_down_costs_typed_failures_and_resume_completes(
    far: OpenAIServer, command: CommandLine, still: StillTime
) -> None:
    undisturbed = command("--db", "other.sqlite", "experiment", "perform", config(command), "--json").json
    far.asked.clear()
    far.stop_at = 10
    broken = command("experiment", "perform", config(command), "--json").json
    assert broken["failures"] > 0
    assert 0 < broken["invocations"] < 8 * LENGTH
    failures = command("experiment", "show", "latest", "--json").json["failures"]
    assert {each["error"] for each in failures} == {"EndpointUnavailable"}
    assert any("does not answer (" in each["message"] for each in failures)
    assert any("has not answered since 12:0" in each["message"] for each in failures)
    assert rows(command, "SELECT count(*) FROM model_versions WHERE synthetic") == [(0,)]
    assert command("doctor", "--json").code == 0
    far.stop_at = 0
    far.start()
    untouched = command("experiment", "resume", "latest", "--json").json
    assert untouched["invocations"] == broken["invocations"]
    still.sleep(PAUSE_S)
    mended = command("experiment", "resume", "latest", "--retry-failed", "--json").json
    assert {key: mended[key] for key in ("status", "invocations", "embeddings", "failures")} == {
        key: undisturbed[key] for key in ("status", "invocations", "embeddings", "failures")
    }
    assert command("doctor", "--json").code == 0


def test_with_honoured_seeds_results_are_verified_and_repeated_answers_are_a_loop(
    server: OpenAIServer, command: CommandLine
) -> None:
    add(command, "Free", server.url, "text->text")
    add(command, "Seeded", server.url, "text->text", tier="seeded")
    experiment = config(command, networks=[["Free"], ["Seeded"]], embedding_models=["DummyText"])
    assert command("experiment", "perform", experiment, "--json").json["invocations"] == 8 * LENGTH
    verified = command("verify", "latest", "--json").json
    assert (verified["checked"], verified["matched"]) == (4 * LENGTH, 4 * LENGTH)
    server.always = answer(choice("always the same"))
    assert command("experiment", "perform", experiment).code == 0
    stops = command("experiment", "show", "latest", "--json").json["stop_reasons"]
    assert (stops["length"], stops["loop"]) == (4, 4)


def test_no_file_and_no_message_holds_the_key(far: OpenAIServer, command: CommandLine, monkeypatch: Any) -> None:
    monkeypatch.setenv("SOME_KEY", f"{KEY}-that-is-refused")
    ran = command("experiment", "perform", config(command))
    shown = command("experiment", "show", "latest", "--verbose", "--json")
    assert {each["error"] for each in shown.json["failures"]} == {"PrerequisiteError"}
    assert KEY not in "".join([ran.out, ran.err, shown.out, command("model", "show", "Writer", "--json").out])
    files = [path for path in command.folder.rglob("*") if path.is_file()]
    assert {"models.json", "panic-tda.sqlite"} <= {path.name for path in files}
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_fixed_seeds_with_a_model_that_does_not_repeat_itself_are_warned_of(
    far: OpenAIServer, command: CommandLine
) -> None:
    assert command("experiment", "validate", config(command), "--json").json["warnings"] == [
        "fixed seeds do not make runs repeatable here: Writer, Painter, Looker may answer otherwise (tier free)"
    ]
