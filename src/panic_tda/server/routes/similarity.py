"""How alike two texts are to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from panic_tda.content import Text
from panic_tda.errors import PanicError
from panic_tda.server.access import Desk
from panic_tda.server.routes.embeddings import check_measures_texts
from panic_tda.server.shapes import Shape, answered
from panic_tda.services.embedding import Embedding, cosine

if TYPE_CHECKING:
    from panic_tda.models.model import Vector

router = APIRouter(prefix="/similarity", tags=["similarity"])


class Comparison(BaseModel):
    """Two texts, and who measures them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    a: str
    b: str
    model: str = "MiniLM"


class Likeness(Shape):
    """The cosine of the angle between the two vectors, −1 to 1; ``model`` with its version."""

    model: str
    similarity: float


@router.post("", response_model=None, responses=answered(Likeness))
async def compare(asked: Comparison, desk: Desk) -> dict[str, Any]:
    """Measures both texts with one version of a model."""
    spec = desk.find(asked.model)
    check_measures_texts(spec)
    outcomes = await desk.collector.measure(spec, [Text(asked.a), Text(asked.b)])
    for outcome in outcomes:
        if isinstance(outcome, PanicError):
            raise outcome
    one, other = (Embedding(cast("Vector", outcome), spec.reference) for outcome in outcomes)
    return {"model": spec.reference, "similarity": cosine(one, other)}
