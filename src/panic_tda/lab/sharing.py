"""Performing an experiment together with other processes, through the database alone.

Each process leases a fair share of what a stage has to do: of the unfinished runs, later of the embedders. It looks
every few seconds how many take part, gives back what is above its share and takes what has become free, so that one
that joins gets its part, and what a dead one had goes to the others when its time has run out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from panic_tda.lab.workbench import LEASE_S, Task, Workbench
from panic_tda.models.model import ModelSpec
from panic_tda.store.database import Record
from panic_tda.store.leases import Share, give_back, lease
from panic_tda.store.performers import Performer, renew


def leased(bench: Workbench, task: Task, stage: str, items: Sequence[str]) -> Share:
    """Those of the items left to do that are this process's own now; all of them when it is alone."""
    if task.performer is None or not items:
        return Share(list(items), len(items))
    with bench.record.writing() as connection:
        return lease(connection, task.performer, stage, items)


def returned(bench: Workbench, task: Task, stage: str, items: Sequence[str]) -> None:
    """Leaves items to the others."""
    if task.performer is not None and items:
        with bench.record.writing() as connection:
            give_back(connection, task.performer, stage, items)


def embedders_in_turn(bench: Workbench, task: Task, stage: str) -> Iterator[list[ModelSpec]]:
    """The embedders whose part of a stage is to be done here, until all were looked at.

    While others are at work on the rest, this waits for them: the next stage needs what this one makes.
    """
    left = {spec.name: spec for spec in task.experiment.embedders}
    while left and not bench.stop.is_set():
        mine = leased(bench, task, stage, list(left)).items
        if mine:
            yield [left.pop(name) for name in mine]
            returned(bench, task, stage, mine)
        else:
            bench.stop.wait(bench.glance_s)


@contextmanager
def signs_of_life(record: Record, performers: Sequence[Performer]) -> Iterator[None]:
    """Renews the stay of performers while the block lasts, however long a model takes."""
    ended = threading.Event()
    pause = min((performer.lease_s for performer in performers), default=LEASE_S) / 3
    thread = threading.Thread(target=_renew, args=(record, performers, ended, pause), name="panic-tda-signs-of-life")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _renew(record: Record, performers: Sequence[Performer], ended: threading.Event, pause: float) -> None:
    while not ended.wait(pause):
        try:
            with record.writing() as connection:
                for performer in performers:
                    renew(connection, performer)
        except sa.exc.DBAPIError:
            continue  # whoever stores something hears of it; the next sign may get through
