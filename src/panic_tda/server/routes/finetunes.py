"""Tunings of embedders: begun, watched and cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from panic_tda.errors import PrerequisiteError, RequestError
from panic_tda.server.access import Desk, require_token
from panic_tda.server.faults import shape
from panic_tda.server.finetunes import By, State
from panic_tda.server.watching import events_of
from panic_tda.store.database import open_record
from panic_tda.training.config import Corpus, checked_selection, validate_tuning
from panic_tda.training.corpus import gather

router = APIRouter(prefix="/finetunes", tags=["finetunes"])

_MUTATING = [Depends(require_token)]
_NOT_INSTALLED = 501
_SELECTION = {"corpus": {"stdlib": True}, "max_train": 320}
_EXAMPLE = {"model": "MiniLMTorch", **_SELECTION}


class Begun(BaseModel):
    """Where to look after a tuning that was put into the queue."""

    id: str
    show: str
    events: str


class Reached(BaseModel):
    """How far a stage is: `read`, `evaluate` or `train`."""

    stage: str
    done: int
    total: int


class Failure(BaseModel):
    """What a tuning failed with; ``code`` is the name of the error."""

    code: str
    message: str
    hint: str


class Tuning(BaseModel):
    """How a tuning stands. From ``version`` on, what `finetune run --json` prints, and null before its end.

    `skipped`: the same was done before, another process tunes, or the schedule found this server at work; ``reason``
    says which, and what the gate objected to.
    """

    id: str
    state: State
    by: By
    model: str
    created_at: str
    started_at: str | None
    ended_at: str | None
    progress: Reached | None
    reason: str
    version: int | None
    champion: int | None
    seconds: float | None
    data: dict[str, Any] | None
    metrics: dict[str, Any] | None
    verdict: dict[str, Any] | None
    error: Failure | None


@router.post(
    "",
    status_code=202,
    dependencies=_MUTATING,
    response_model=Begun,
)
def create(config: Annotated[dict[str, Any], Body(examples=[_EXAMPLE])], desk: Desk) -> dict[str, str] | JSONResponse:
    """Checks a tuning, which is written as in a tuning file, and puts it into the queue.

    Folders and files that it names lie in the folder that the server was started in.
    """
    tuning = validate_tuning(config, folder=desk.folder)
    _refuse_files_outside(tuning.corpus, desk.folder)
    try:
        made = desk.finetunes.begin(tuning)
    except PrerequisiteError as fault:
        return JSONResponse(shape(_NOT_INSTALLED, fault.message, type(fault).__name__, hint=fault.hint), _NOT_INSTALLED)
    return {"id": made.id, "show": f"/finetunes/{made.id}", "events": f"/finetunes/{made.id}/events"}


class PairShape(BaseModel):
    """One pair."""

    anchor: str
    positive: str
    source: str
    negatives: list[str] = []


class Sources(BaseModel):
    """How many files or runs the pairs come from."""

    train: int
    held_out: int


class Pairs(BaseModel):
    """Pairs to train on and pairs held out; ``sha256`` is their identity, ``skipped`` why what gave none did not."""

    sha256: str
    train: list[PairShape]
    held_out: list[PairShape]
    sources: Sources
    skipped: dict[str, int]


@router.post("/pairs", dependencies=_MUTATING, response_model=Pairs)
def pairs(selection: Annotated[dict[str, Any], Body(examples=[_SELECTION])], desk: Desk) -> dict[str, Any]:
    """The pairs that a tuning with this ``corpus``, ``min_pairs``, ``held_out``, ``max_train`` would see."""
    chosen = checked_selection(selection, folder=desk.folder)
    _refuse_files_outside(chosen.corpus, desk.folder)
    made = gather(chosen, lambda: open_record(desk.settings.db, create=False))
    facts = made.to_json()
    return {
        "sha256": made.sha256,
        "train": [each.to_json() for each in made.train],
        "held_out": [each.to_json() for each in made.held_out],
        "sources": facts["sources"],
        "skipped": facts["skipped"],
    }


@router.get("", response_model=list[Tuning])
def list_all(desk: Desk) -> list[dict[str, Any]]:
    """The tunings since the server was started, newest first."""
    return [each.to_json() for each in desk.finetunes.newest_first()]


@router.get("/{name}", response_model=Tuning)
def show(name: str, desk: Desk) -> dict[str, Any]:
    """How a tuning stands."""
    return desk.finetunes.of(name).to_json()


@router.post("/{name}/cancel", status_code=202, dependencies=_MUTATING)
def cancel(name: str, desk: Desk) -> dict[str, str]:
    """Stops a tuning after the step in progress; the same configuration goes on from its checkpoint."""
    return {"id": desk.finetunes.cancel(name).id}


@router.get("/{name}/events", response_class=StreamingResponse)
def events(name: str, desk: Desk) -> StreamingResponse:
    """Server-sent events: `waiting`, `progress` after each step, and `end` or `failed` as the last one."""
    return StreamingResponse(events_of(desk.finetunes.of(name), desk.closing), media_type="text/event-stream")


def _refuse_files_outside(corpus: Corpus, folder: Path) -> None:
    """Callers may not look at other files of this machine, not even through a link."""
    here = folder.resolve()
    for path in (*corpus.code, *corpus.pairs, *filter(None, [corpus.dataset])):
        if not Path(path).resolve().is_relative_to(here):
            raise RequestError(
                f"{path} is not in the folder of the server",
                hint="a tuning that is sent to a server names files in the folder that the server was started in",
            )
