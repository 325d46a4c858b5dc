"""Versions of embedders that were tuned here: listed, promoted, rolled back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from panic_tda.server.access import require_token
from panic_tda.services import versions

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
    return versions.versions()


@router.post("/{name}/promote", dependencies=_MUTATING)
def promote_version(name: str, asked: Promotion) -> dict[str, Any]:
    """Makes a version the champion, after every byte of it was checked."""
    return versions.promote(name, asked.number, force=asked.force)._asdict()


@router.post("/{name}/rollback", dependencies=_MUTATING)
def roll_back(name: str) -> dict[str, Any]:
    """Makes the champion what it was before it was last changed."""
    return versions.rollback(name)._asdict()
