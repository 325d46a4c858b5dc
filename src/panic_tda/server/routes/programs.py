"""Programs: created, listed, run and deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.content import Image
from panic_tda.lab.programs import Programs
from panic_tda.programs.definition import Definition
from panic_tda.programs.fields import Value
from panic_tda.runtime.remote.wire import decode_content, encode_outcome
from panic_tda.server.access import Desk, require_token
from panic_tda.server.facilities import Facilities

router = APIRouter(prefix="/programs", tags=["programs"])

_MUTATING = [Depends(require_token)]


class ProgramRequest(BaseModel):
    """A program as `program show --json` prints it; ``replace`` one of that name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    signature: str
    strategy: str
    model: str | list[str] | None = None
    parameters: dict[str, Any] = {}
    replace: bool = False


class RunRequest(BaseModel):
    """Inputs by name; one that is an image has the keys ``image`` (base64) and ``mode``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    inputs: dict[str, str | bool | int | float | dict[str, str]]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


@router.get("")
def list_programs(desk: Desk) -> list[dict[str, Any]]:
    """Every program, by name."""
    return [program.to_json() for program in _programs(desk).list()]


@router.post("", status_code=201, dependencies=_MUTATING)
def create(asked: ProgramRequest, desk: Desk) -> dict[str, Any]:
    """Checks a program and stores it."""
    parts = asked.model_dump(exclude={"name", "replace"}, exclude_none=True)
    _programs(desk).create(asked.name, Definition.from_json(parts), replace=asked.replace)
    return show(asked.name, desk)


@router.get("/{name}")
def show(name: str, desk: Desk) -> dict[str, Any]:
    """One program, and its version as a model."""
    programs = _programs(desk)
    spec = programs.entry(name)
    return {**programs.get(name).to_json(), "model_name": spec.name, "version": spec.version}


@router.post("/{name}/run")
def run(name: str, asked: RunRequest, desk: Desk) -> dict[str, Any]:
    """Runs a program once; the same seed gives the same outputs."""
    inputs: dict[str, Value] = {
        key: _image(value) if isinstance(value, dict) else value for key, value in asked.inputs.items()
    }
    made = _programs(desk).run_on(name, inputs, seed=asked.seed)
    outputs = {key: encode_outcome(value) if isinstance(value, Image) else value for key, value in made.outputs.items()}
    return {"program": name, "model": made.model, "outputs": outputs, "seed": asked.seed, "seconds": made.seconds}


@router.delete("/{name}", dependencies=_MUTATING)
def delete(name: str, desk: Desk) -> dict[str, str]:
    """Deletes a program; experiments that were begun with it keep its definition."""
    _programs(desk).delete(name)
    return {"deleted": name}


def _programs(desk: Facilities) -> Programs:
    return Programs(desk.performances.record, settings=desk.settings, executor=desk.executor)


def _image(body: dict[str, str]) -> Image:
    content = decode_content({key: value for key, value in body.items() if key != "text"})
    assert isinstance(content, Image)
    return content
