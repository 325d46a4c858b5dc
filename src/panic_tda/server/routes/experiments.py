"""Experiments: created, watched and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from panic_tda.lab.status import experiment_status
from panic_tda.server.access import Desk, require_token
from panic_tda.server.facilities import Facilities
from panic_tda.server.shapes import answered
from panic_tda.server.watching import events_of
from panic_tda.server.writing import event
from panic_tda.store.experiments import find_experiment, list_experiments

router = APIRouter(prefix="/experiments", tags=["experiments"])

_MUTATING = [Depends(require_token)]


@router.post("", status_code=202, dependencies=_MUTATING)
def create(
    config: dict[str, Any],
    desk: Desk,
    accept: Annotated[bool, Query(description="Go on although trial outputs look like rubbish.")] = False,
) -> dict[str, str]:
    """Checks an experiment, which is written as in an experiment file, and begins to perform it."""
    key = desk.performances.create(config, accept=accept)
    return {"id": key, "show": f"/experiments/{key}", "events": f"/experiments/{key}/events"}


@router.get("")
def list_all(desk: Desk) -> list[dict[str, Any]]:
    """Every experiment of the record, newest first."""
    with desk.performances.record.reading() as connection:
        return list_experiments(connection)


@router.get("/{name}")
def show(name: str, desk: Desk) -> dict[str, Any]:
    """How far an experiment is, as `experiment show --json` says it."""
    with desk.performances.record.reading() as connection:
        return experiment_status(connection, name)


@router.post("/{name}/resume", status_code=202, dependencies=_MUTATING)
def resume(name: str, desk: Desk) -> dict[str, str]:
    """Does what is missing of an experiment."""
    key = _key(desk, name)
    desk.performances.perform(key)
    return {"id": key}


@router.post("/{name}/cancel", status_code=202, dependencies=_MUTATING)
def cancel(name: str, desk: Desk) -> dict[str, str]:
    """Stops an experiment of this server after its batch in flight; it can be resumed."""
    key = _key(desk, name)
    desk.performances.cancel(key)
    return {"id": key}


@router.get("/{name}/events", response_class=StreamingResponse, responses=answered(text="text/event-stream"))
def events(name: str, desk: Desk) -> StreamingResponse:
    """Server-sent events: `waiting`, `progress` after each batch, and `end` or `failed` as the last one."""
    return StreamingResponse(_events(desk, _key(desk, name)), media_type="text/event-stream")


def _key(desk: Facilities, name: str) -> str:
    with desk.performances.record.reading() as connection:
        return str(find_experiment(connection, name).id)


async def _events(desk: Facilities, key: str) -> AsyncIterator[str]:
    known = desk.performances.of(key)
    if known is None:  # performed by another process, or before this one began
        yield event(await asyncio.to_thread(show, key, desk), "end")
        return
    async for each in events_of(known, desk.closing):
        yield each
