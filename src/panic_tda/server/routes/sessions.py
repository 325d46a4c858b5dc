"""Conversations with models that the server keeps: opened, asked, looked at and ended."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.content import Text
from panic_tda.errors import ConfigurationError, RequestError
from panic_tda.models.model import ModelSpec, ParameterValue, parameter_faults
from panic_tda.runtime.result import Affinity, Result
from panic_tda.runtime.sessions import TTL_S, Standing
from panic_tda.server.access import Desk, require_token
from panic_tda.server.facilities import Facilities
from panic_tda.signature import Kind, Signature

router = APIRouter(prefix="/sessions", tags=["sessions"], dependencies=[Depends(require_token)])

_DIALOGUE = Signature(Kind.TEXT, Kind.TEXT)
_SEEDS = 2**31
_LONGEST_S = 86_400.0
_CONVERSING: dict[str, ParameterValue] = {
    "instruction": "Give the next answer of the assistant in this conversation:",
    "one_line": False,
}
"""What is otherwise told to models that have these parameters, which are made for experiments."""

Seed = Annotated[int, Field(ge=0, lt=_SEEDS)]
Given = dict[str, str | bool | int | float]


class Opening(BaseModel):
    """A new session. ``parameters`` (temperature, max_tokens, …) are those of the model, as in an experiment file.

    ``ttl`` is the number of seconds after its last call at which it ends. ``seed`` is that of the first answer; those
    that follow have the seeds that follow. Without one, it is drawn.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    affinity: Annotated[Affinity, Field(strict=False)] = Affinity.HINT
    ttl: Annotated[float, Field(gt=0, le=_LONGEST_S)] = TTL_S
    seed: Seed | None = None
    parameters: Given = {}


class Asking(BaseModel):
    """What is said next; ``seed`` and ``parameters`` are for this answer only."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(min_length=1)]
    seed: Seed | None = None
    parameters: Given = {}


class Shape(BaseModel):
    """A session; ``idle_s`` seconds ago it was last used, by the worker that is named."""

    id: str
    model: str
    affinity: Affinity
    ttl: float
    seed: int
    parameters: Given
    idle_s: float
    worker: str
    turns: int


class TurnShape(BaseModel):
    """What was asked, and what was answered."""

    asked: str
    answered: str


class Whole(Shape):
    """A session with everything that was said."""

    history: list[TurnShape]


class Answer(BaseModel):
    """An answer, and the seed that repeats it in the same place of the same conversation."""

    session: str
    answer: str
    seed: int
    model: str
    worker: str
    queue_s: float
    load_s: float
    run_s: float


class Ended(BaseModel):
    """Which session it was."""

    deleted: str


@router.post("", status_code=201, response_model=Shape)
def create(asked: Opening, desk: Desk) -> dict[str, Any]:
    """Opens a session with a model that answers texts with texts."""
    spec = desk.find(asked.model)
    if spec.signature != _DIALOGUE:
        raise RequestError(f"{spec.name} is {spec.signature}: a session needs a model that answers texts with texts")
    known = {each.name for each in spec.parameters}
    talking = {name: value for name, value in _CONVERSING.items() if name in known}
    parameters = _checked(spec, {**talking, **asked.parameters})
    desk.executor.check(spec)
    key = desk.sessions.open(
        affinity=asked.affinity,
        parameters=parameters,
        seed=secrets.randbelow(_SEEDS) if asked.seed is None else asked.seed,
        model=spec.name,
        ttl_s=asked.ttl,
    )
    return _shape(desk.sessions.standing(key))


@router.get("", response_model=list[Shape])
def list_all(desk: Desk) -> list[dict[str, Any]]:
    """The open sessions, the oldest first."""
    return [_shape(each) for each in desk.sessions.standings()]


@router.get("/{name}", response_model=Whole)
def show(name: str, desk: Desk) -> dict[str, Any]:
    """A session and its history. Looking at it does not prolong it."""
    found = desk.sessions.standing(name)
    return {**_shape(found), "history": [turn._asdict() for turn in found.turns]}


@router.post("/{name}/messages", response_model=Answer)
async def ask(name: str, asked: Asking, desk: Desk) -> dict[str, Any]:
    """What the model answers to the conversation so far and this text; both become part of it.

    The messages of one session are answered one after the other. An answer that fails leaves the conversation as it
    was.
    """
    result = await asyncio.get_running_loop().run_in_executor(desk.asking, _asked, desk, name, asked)
    (said,) = result.outputs
    assert isinstance(said, Text)
    return {
        "session": name,
        "answer": said.value,
        "seed": result.seeds[0],
        "model": result.model,
        "worker": result.worker,
        "queue_s": result.timings.queue_s,
        "load_s": result.timings.load_s,
        "run_s": result.timings.run_s,
    }


@router.delete("/{name}", response_model=Ended)
def delete(name: str, desk: Desk) -> dict[str, str]:
    """Ends a session."""
    desk.sessions.standing(name)
    desk.sessions.close(name)
    return {"deleted": name}


def _asked(desk: Facilities, key: str, asked: Asking) -> Result:
    found = desk.sessions.standing(key)
    spec = desk.find(found.model)
    parameters = _checked(spec, {**found.parameters, **asked.parameters})
    return desk.sessions.ask(key, spec, Text(asked.text).value, seed=asked.seed, parameters=parameters)


def _checked(spec: ModelSpec, parameters: Given) -> Given:
    if faults := parameter_faults(spec, parameters):
        raise ConfigurationError(faults)
    return parameters


def _shape(found: Standing) -> dict[str, Any]:
    shown = found._asdict()
    return {**shown, "ttl": shown.pop("ttl_s"), "turns": len(found.turns)}
