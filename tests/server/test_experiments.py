"""Experiments over HTTP, and what the server tells of itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from panic_tda.lab.laboratory import load_config, perform
from panic_tda.runtime.metrics import BOUNDS_S, Histogram
from panic_tda.server.routes.metrics import buckets
from panic_tda.settings import Settings
from panic_tda.store.database import open_record
from panic_tda.store.experiments import find_experiment
from support.canonical import canonical
from support.servers import BEARER, Running, events, running

CONFIG: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple", "Test prompt"],
    "seeds": [42],
    "embedding_models": ["DummyText"],
    "max_length": 12,
}


def created(server: Running, config: dict[str, Any] = CONFIG) -> str:
    answer = server.post("/experiments", config, headers=BEARER)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def told(server: Running, key: str) -> list[tuple[str, Any]]:
    with server.client.stream("GET", f"/experiments/{key}/events") as answer:
        return list(events(answer.iter_lines()))


def test_an_experiment_is_performed_watched_and_the_same_as_on_the_command_line(
    server: Running, tmp_path: Path
) -> None:
    key = created(server)
    name, last = told(server, key)[-1]
    assert (name, last["status"], last["runs"], last["invocations"]) == ("end", "completed", 2, 24)
    with open_record(tmp_path / "alone.sqlite") as record:
        alone = canonical(record, perform(record, load_config(CONFIG)).id)
    assert canonical(server.facilities.performances.record, key) == alone
    shown = server.get(f"/experiments/{key[:30]}").json()
    assert (shown["status"], shown["stages"]["generate"]) == ("completed", {"done": 24, "total": 24})
    assert key in [each["id"] for each in server.get("/experiments").json()]


def test_a_wrong_configuration_is_refused_with_every_fault_and_leaves_nothing(server: Running) -> None:
    before = server.get("/experiments").json()
    answer = server.post("/experiments", CONFIG | {"seeds": ["a"], "max_lenght": 3}, headers=BEARER)
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert "max_lenght" in message
    assert "seeds" in message
    assert server.get("/experiments").json() == before


def test_files_of_the_server_cannot_be_named(server: Running) -> None:
    config = CONFIG | {"prompts": [{"image": "/etc/passwd"}]}
    answer = server.post("/experiments", config, headers=BEARER)
    assert (answer.status_code, "text only" in answer.text) == (400, True)


def test_an_unknown_experiment_is_not_found(server: Running) -> None:
    for path in ("", "/events"):
        assert server.get(f"/experiments/00000000-none{path}").status_code == 404
    assert server.post("/experiments/00000000-none/cancel", headers=BEARER).status_code == 404


def test_a_cancelled_experiment_is_interrupted_and_can_be_resumed(tmp_path: Path) -> None:
    long = CONFIG | {"max_length": 3_000, "seeds": [-1]}
    with running(Settings(db=str(tmp_path / "record.sqlite"), executor="inprocess")) as server:
        key = created(server, long)
        with server.client.stream("GET", f"/experiments/{key}/events") as answer:
            heard = events(answer.iter_lines())
            assert next(data for name, data in heard if name == "progress" and data["done"])
            assert server.post(f"/experiments/{key}/cancel", headers=BEARER).status_code == 202
            name, last = list(heard)[-1]
        assert (name, last["status"]) == ("end", "interrupted")
        assert 0 < last["invocations"] < 6_000
        assert server.post(f"/experiments/{key}/cancel", headers=BEARER).status_code == 404
        assert server.post(f"/experiments/{key}/resume", headers=BEARER).status_code == 202
        with server.client.stream("GET", f"/experiments/{key}/events") as answer:
            assert next(name for name, _ in events(answer.iter_lines()) if name == "progress")
    # The server closed in the middle: what is recorded is whole, and the rest can be done.
    with open_record(tmp_path / "record.sqlite") as record, record.reading() as connection:
        assert find_experiment(connection, key).status == "interrupted"


def test_closing_ends_those_who_watch(tmp_path: Path) -> None:
    long = CONFIG | {"max_length": 3_000, "seeds": [-1]}
    with running(Settings(db=str(tmp_path / "record.sqlite"), executor="inprocess"), grace_s=30) as server:
        key = created(server, long)
        began = time.monotonic()
        request = server.client.build_request("GET", f"/experiments/{key}/events")
        answer = server.client.send(request, stream=True)
        told = events(answer.iter_lines())
        assert next(told)
        server.serving.close()
        list(told)
        assert time.monotonic() - began < 25


def test_it_is_alive_and_ready_and_says_when_it_is_not() -> None:
    with running(Settings(executor="inprocess")) as server:
        assert server.get("/healthz").json() == {"status": "ok"}
        ready = server.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["faults"]) == (200, "ready", [])
        server.facilities.executor.close()
        broken = server.get("/readyz")
        assert (broken.status_code, broken.json()["faults"]) == (503, ["the executor is closed"])
        server.facilities.closing.set()
        assert server.get("/readyz").json()["status"] == "closing"


def test_what_the_executor_did_is_told_to_prometheus() -> None:
    with running(Settings(executor="inprocess")) as server:
        for text in ("a", "b"):
            server.post("/v1/embeddings", {"model": "DummyText", "input": [text, text]})
        families = {family.name: family for family in text_string_to_metric_families(server.get("/metrics").text)}
        size = server.facilities.executor.snapshot().resident["DummyText"]
    values = {
        sample.name: sample.value
        for family in families.values()
        for sample in family.samples
        if sample.labels in ({"model": "DummyText"}, {})
    }
    assert (values["panic_tda_calls_total"], values["panic_tda_items_total"]) == (2, 4)
    assert (values["panic_tda_resident_bytes"], values["panic_tda_workers"]) == (size, 1)
    assert (values["panic_tda_run_seconds_count"], values["panic_tda_load_seconds_count"]) == (2, 1)
    assert families["panic_tda_run_seconds"].type == "histogram"


@pytest.mark.parametrize("seconds", [0.0005, 0.02, 5_000.0])
def test_a_bucket_counts_everything_below_its_bound(seconds: float) -> None:
    histogram = Histogram()
    histogram.add(seconds)
    found = dict(buckets(histogram))
    assert found["+Inf"] == 1
    assert [found[str(bound)] for bound in BOUNDS_S] == [float(seconds <= bound) for bound in BOUNDS_S]
