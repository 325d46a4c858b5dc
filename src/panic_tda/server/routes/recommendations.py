"""Which model to take for a task on the machine of the server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from panic_tda.server.access import Desk
from panic_tda.server.shapes import Shape, answered
from panic_tda.services.choice import recommend

router = APIRouter(prefix="/recommendations", tags=["models"])


class Recommendation(Shape):
    """A model and what it needs, as `model recommend --json` says it."""

    model: str
    fits: bool
    needed_bytes: int
    memory_source: str
    weights_bytes: int
    working_bytes: int
    budget_bytes: int
    batch_size: int
    parameters: int
    device: str
    dtype: str
    economies: dict[str, int]
    packages_missing: list[str]
    weights_here: bool
    endpoint: str
    unreachable: str
    runs: bool


@router.get("", response_model=None, responses=answered(list[Recommendation]))
def list_recommendations(
    task: Annotated[str, Query(description="What it should take and make: `text -> image`.")], desk: Desk
) -> list[dict[str, Any]]:
    """The models that fit, those that run at once first, then the largest."""
    return [each.to_json() for each in recommend(task, settings=desk.settings)]
