"""Tunings over HTTP, of a tiny embedder: each in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from panic_tda.errors import NotFound, QueueFull
from panic_tda.models.versions.register import line_of, versions_folder
from panic_tda.server.finetunes import By, Finetunes
from panic_tda.settings import Settings
from panic_tda.training.config import checked_selection, validate_tuning
from panic_tda.training.corpus import gather
from panic_tda.training.lock import only_one
from support.checkpoints import Twins, require_libraries, twins
from support.servers import BEARER, Running, events, running
from support.tuning import NAME, cipher_pairs, tiny_embedder, tuning, tuning_file
from support.waiting import eventually

__all__ = ["twins"]

require_libraries()
pytest.importorskip("datasets")

FEW = {"model": NAME, "corpus": {"pairs": ["few.jsonl"]}}


@pytest.fixture(autouse=True)
def here(twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the server is started in, with a tiny embedder beside it."""
    tiny_embedder(twins, tmp_path / "cache", monkeypatch)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def server(here: Path) -> Iterator[Running]:
    with running(Settings(db=str(here / "record.sqlite"), executor="inprocess", threads=1)) as opened:
        yield opened


def begun(server: Running, config: dict[str, Any]) -> str:
    answer = server.post("/finetunes", config, headers=BEARER)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def told(server: Running, key: str) -> list[tuple[str, Any]]:
    with server.client.stream("GET", f"/finetunes/{key}/events") as answer:
        return list(events(answer.iter_lines()))


def shown(server: Running, key: str) -> Any:
    return server.get(f"/finetunes/{key}").json()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that does not stop by itself is killed soon."""
    monkeypatch.setattr("panic_tda.training.process.child.FAREWELL_S", 0.2)


def never_ending(here: Path) -> dict[str, Any]:
    """A tuning whose pairs never come, for they are read from a pipe that nobody writes to."""
    os.mkfifo(here / "pipe.jsonl")
    return {"model": NAME, "corpus": {"pairs": ["pipe.jsonl"]}}


def test_the_pairs_that_a_tuning_would_see_are_those_of_the_command_line(server: Running, here: Path) -> None:
    file = tuning_file(here, cipher_pairs(240))
    selection = {"corpus": file["corpus"], "min_pairs": 20, "max_train": 30}
    answer = server.post("/finetunes/pairs", selection, headers=BEARER).json()
    made = gather(checked_selection(selection, folder=here))
    assert answer["sha256"] == made.sha256
    assert [each["anchor"] for each in answer["train"]] == [each.anchor for each in made.train]
    assert (len(answer["train"]), len(answer["held_out"])) == (30, len(made.held_out))
    assert not {each["source"] for each in answer["train"]} & {each["source"] for each in answer["held_out"]}
    assert server.post("/finetunes/pairs", selection).status_code == 401
    elsewhere = server.post("/finetunes/pairs", {"corpus": {"code": ["/etc"]}}, headers=BEARER)
    assert (elsewhere.status_code, "is not in the folder" in elsewhere.text) == (400, True)


def test_a_tuning_is_done_aside_watched_and_done_once(server: Running, here: Path) -> None:
    config = tuning_file(here, cipher_pairs(240), training={"epochs": 4})
    key = begun(server, config)
    heard = told(server, key)
    names = [name for name, _ in heard]
    assert set(names[:-1]) <= {"waiting", "progress"}
    assert {data["stage"] for name, data in heard if name == "progress"} >= {"train", "evaluate"}
    name, last = heard[-1]
    assert (name, last["state"], last["version"], last["champion"], last["error"]) == ("end", "succeeded", 1, 1, None)
    assert last == shown(server, key)
    assert last["verdict"]["accepted"]
    assert {"base", "current", "candidate"} == last["metrics"].keys()
    assert last["created_at"] < last["started_at"] < last["ended_at"]
    assert [version["version"] for version in server.get("/versions").json()] == [1]

    _, again = told(server, begun(server, config))[-1]
    assert (again["state"], again["version"], again["reason"][:6]) == ("skipped", 1, f"{NAME}@1")
    assert [each["state"] for each in server.get("/finetunes").json()] == ["skipped", "succeeded"]
    assert [line["state"] for line in server.log if line["event"] == "finetune"] == ["succeeded", "skipped"]


def test_a_tuning_is_cancelled_with_a_checkpoint_and_the_one_behind_it_at_once(server: Running, here: Path) -> None:
    config = tuning_file(here, cipher_pairs(240), training={"epochs": 1_000})
    key, behind = begun(server, config), begun(server, config)
    assert shown(server, behind)["state"] == "queued"
    assert server.post(f"/finetunes/{behind}/cancel", headers=BEARER).status_code == 202
    assert told(server, behind)[-1][1]["state"] == "cancelled"
    with server.client.stream("GET", f"/finetunes/{key}/events") as answer:
        heard = events(answer.iter_lines())
        assert next(data for _, data in heard if data.get("stage") == "train")
        assert server.post(f"/finetunes/{key}/cancel", headers=BEARER).status_code == 202
        assert list(heard)[-1][1]["state"] == "cancelled"
    assert server.post(f"/finetunes/{key}/cancel", headers=BEARER).status_code == 404
    assert line_of(NAME).versions == ()
    assert list(versions_folder(NAME).glob(".training-*/checkpoint-*"))
    with only_one(NAME):
        pass


def test_what_others_tune_is_not_disturbed_and_what_fails_is_told(server: Running, here: Path) -> None:
    tuning(here, cipher_pairs(30)).model_dump()
    (here / "pairs.jsonl").rename(here / "few.jsonl")
    with only_one("Another"):
        name, busy = told(server, begun(server, FEW))[-1]
    assert (name, busy["state"]) == ("end", "skipped")
    assert busy["reason"].startswith(f"process {os.getpid()} on ")
    name, failed = told(server, begun(server, FEW))[-1]
    assert (name, failed["state"], failed["error"]["code"]) == ("failed", "failed", "InsufficientData")


def test_a_tuning_that_cannot_be_is_refused_at_once(server: Running, here: Path) -> None:
    def refused(**changes: Any) -> tuple[int, str]:
        answer = server.post("/finetunes", FEW | changes, headers=BEARER)
        return answer.status_code, answer.json()["error"]["message"]

    (here / "link").symlink_to("/etc")
    for path in ("/etc", "../cache", "link", "~root"):
        status, said = refused(corpus={"code": [path]})
        assert (status, "not in the folder of the server" in said) == (400, True), path
    assert refused(model="Nobody")[0] == 404
    assert refused(model="MiniLM")[0] == 400
    status, said = refused(epochs=3, gate={"level": 2})
    assert (status, "epochs: unknown key" in said, "gate.level" in said) == (400, True, True)
    assert server.post("/finetunes", FEW).status_code == 401
    assert server.get("/finetunes/none").status_code == 404
    assert server.get("/finetunes/none/events").status_code == 404
    assert server.get("/finetunes").json() == []


def test_without_the_libraries_one_sentence_says_what_to_install(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panic_tda.models.torch_sentence.tunable._LIBRARIES", ("torch", "no_such_library"))
    answer = server.post("/finetunes", FEW, headers=BEARER)
    assert answer.status_code == 501
    fault = answer.json()["error"]
    assert (fault["code"], "no_such_library" in fault["message"]) == ("PrerequisiteError", True)
    assert fault["hint"] == "pip install 'panic-tda[train]'"


@pytest.mark.usefixtures("hasty")
def test_closing_the_server_ends_the_process_that_tunes(here: Path) -> None:
    with running(Settings(db=str(here / "record.sqlite"), executor="inprocess", threads=1)) as server:
        key = begun(server, never_ending(here))
        assert eventually(lambda: shown(server, key)["progress"] is not None)
        server.serving.close()
    with only_one(NAME):
        pass


@pytest.mark.usefixtures("hasty")
def test_only_so_many_are_remembered_and_those_that_wait_are_not_forgotten(here: Path) -> None:
    kept = Finetunes(Settings(), lambda *_, **__: None, most=2)
    config = validate_tuning(never_ending(here), folder=here)
    endless = kept.begin(config)
    first, second = (kept.begin(config, by=By.SCHEDULE) for _ in range(2))
    assert (second.state, second.reason.partition(" ")[0]) == ("skipped", endless.id)
    assert kept.newest_first() == [second, endless]
    with pytest.raises(NotFound, match=first.id):
        kept.of(first.id)
    kept.begin(config)
    with pytest.raises(QueueFull, match="2 tunings wait"):
        kept.begin(config)
    kept.close()
