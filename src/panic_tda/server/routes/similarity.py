"""How alike two texts are to a model."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from panic_tda.models.purpose import Purpose
from panic_tda.server.access import Desk
from panic_tda.server.routes.embeddings import check_measures_texts, measured
from panic_tda.server.shapes import Shape, answered
from panic_tda.services.embedding import Embedding, cosine

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
    vectors = await measured(desk, spec, [asked.a, asked.b], Purpose.DOCUMENT)
    one, other = (Embedding(vector, spec.reference) for vector in vectors)
    return {"model": spec.reference, "similarity": cosine(one, other)}
