"""Versions of embedders that were tuned here: listed, promoted, rolled back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.errors import RequestError
from panic_tda.models.catalogue import find
from panic_tda.models.versions.changing import newest_accepted, promote, rollback
from panic_tda.models.versions.listing import described
from panic_tda.models.versions.register import Line, line_of, read_register
from panic_tda.server.access import require_token

router = APIRouter(prefix="/versions", tags=["versions"])

_MUTATING = [Depends(require_token)]


class Promotion(BaseModel):
    """Without a ``number``, the newest version that was accepted; ``force``: even one that the gate rejected."""

    model_config = ConfigDict(extra="forbid", strict=True)

    number: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    force: bool = False


@router.get("")
def list_versions() -> list[dict[str, Any]]:
    """Every version, as `version list --json` says it."""
    return [described(name, version, line) for name, line in read_register().items() for version in line.versions]


@router.post("/{name}/promote", dependencies=_MUTATING)
def promote_version(name: str, asked: Promotion) -> dict[str, Any]:
    """Makes a version the champion, after every byte of it was checked."""
    before = _line(name)
    number = newest_accepted(name, before) if asked.number is None else asked.number
    return _told(name, before, promote(name, number, force=asked.force))


@router.post("/{name}/rollback", dependencies=_MUTATING)
def roll_back(name: str) -> dict[str, Any]:
    """Makes the champion what it was before it was last changed."""
    return _told(name, _line(name), rollback(name))


def _line(name: str) -> Line:
    if "@" in name:
        raise RequestError(f"name the embedder alone: {name.partition('@')[0]}, not {name}")
    find(name)
    return line_of(name)


def _told(name: str, before: Line, after: Line) -> dict[str, Any]:
    return {"name": name, "champion": after.champion, "before": before.champion}
