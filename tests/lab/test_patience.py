"""A database server that goes away three times during an experiment, and one that stays away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from panic_tda.errors import RecordError
from panic_tda.lab.perform import create, perform
from panic_tda.lab.progress import Progress
from panic_tda.lab.validation import validate_config
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.result import Call, Result
from panic_tda.store.database import Record, open_record
from panic_tda.store.tables import embeddings, experiments, invocations
from support.canonical import canonical
from support.laboratory import bench_on, fakes
from support.postgresql import Server, find_programs

__all__ = ["fakes"]

CONFIG: dict[str, Any] = {
    "network": ["Echo"],
    "prompts": ["a", "b", "c", "d"],
    "seeds": [1, 2],
    "embedding_models": ["Ruler"],
    "max_length": 12,
}


@pytest.fixture
def server(postgresql_server: Server) -> Iterator[Server]:
    """A server that only this test uses, and may stop."""
    programs = find_programs()
    assert programs is not None
    own = Server(programs)
    try:
        own.start()
        yield own
    finally:
        own.stop()


@pytest.fixture
def remote(server: Server) -> Iterator[Record]:
    """An empty record on that server."""
    with open_record(server.url(server.create())) as record:
        yield record


class Listed(InProcessExecutor):
    """Remembers every item it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, int]] = []

    def submit(self, call: Call) -> Future[Result]:
        """Remembers the items of the call."""
        inputs = (given.sha256 for given in call.inputs)
        self.asked += [(call.spec.name, *item) for item in zip(inputs, call.seeds, strict=True)]
        return super().submit(call)


def stored(record: Record) -> set[tuple[str, str, int]]:
    """The items whose result is committed."""
    with record.reading() as connection:
        made = connection.execute(sa.select(invocations.c.input_id, invocations.c.seed)).all()
        measured = connection.execute(sa.select(embeddings.c.output_id)).scalars().all()
    return {("Echo", *row) for row in made} | {("Ruler", output_id, 0) for output_id in measured}


def test_a_server_that_comes_back_three_times_costs_nothing_that_was_stored(
    server: Server, remote: Record, sqlite_record: Record, fakes: dict[str, ModelSpec]
) -> None:
    executor = Listed()
    moments = [("generate", 20), ("generate", 60), ("embed", 8)]
    returning: list[threading.Thread] = []
    known: list[tuple[int, set[tuple[str, str, int]]]] = []

    def disturb(progress: Progress) -> None:
        if moments and progress.stage == moments[0][0] and progress.done >= moments[0][1]:
            moments.pop(0)
            server.go_away()
            returning.append(threading.Thread(target=server.come_back))
            returning[-1].start()

    def noted(warning: str) -> None:
        if "answers again" in warning:
            known.append((len(executor.asked), stored(remote)))

    with bench_on(remote, executor=executor, report=disturb, warn=noted) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        executor.asked.clear()
        outcome = perform(bench, [key])[0]
    for thread in returning:
        thread.join()
    assert (outcome.status, outcome.invocations, moments) == ("completed", 8 * 12, [])
    assert len(known) >= 3
    for number, committed in known:
        assert not committed.intersection(executor.asked[number:])
    with bench_on(sqlite_record) as bench:
        alone = create(bench, validate_config(CONFIG, folder=Path()))
        perform(bench, [alone])
    assert canonical(remote, key) == canonical(sqlite_record, alone)


def test_a_server_that_stays_away_is_one_clear_error_and_the_work_can_be_resumed(
    server: Server, remote: Record, fakes: dict[str, ModelSpec]
) -> None:
    warnings: list[str] = []

    def end(progress: Progress) -> None:
        if progress.done == 20:
            server.go_away()

    with bench_on(remote, report=end, warn=warnings.append, patience_s=0.3, lease_s=1) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        with pytest.raises(RecordError, match="postgresql") as caught:
            perform(bench, [key])
    assert "resume" in caught.value.hint
    assert "does not answer; waiting for it" in warnings[0]
    server.come_back()
    with bench_on(remote) as bench:
        assert perform(bench, [key])[0].status == "completed"
    with remote.reading() as connection:
        assert connection.execute(sa.select(experiments.c.status)).scalar_one() == "completed"


def test_waiting_for_a_server_can_be_stopped(server: Server, remote: Record, fakes: dict[str, ModelSpec]) -> None:
    stop = threading.Event()

    def end(progress: Progress) -> None:
        if progress.done == 20:
            server.go_away()

    with bench_on(remote, report=end, warn=lambda _: stop.set(), stop=stop) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        with pytest.raises(RecordError):
            perform(bench, [key])
    server.come_back()
