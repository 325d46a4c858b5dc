"""Which models there are."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter

from panic_tda.models.catalogue import catalogue
from panic_tda.models.model import ModelSpec
from panic_tda.server.access import Desk
from panic_tda.server.shapes import Shape, answered

router = APIRouter(prefix="/v1/models", tags=["OpenAI"])


class ModelRow(Shape):
    """A model of the catalogue."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    signature: str
    family: str
    licence: str
    dims: int | None
    synthetic: bool


class ModelAnswer(ModelRow):
    """One model, with its version."""

    version: str


class ModelsAnswer(Shape):
    """All models."""

    object: Literal["list"]
    data: list[ModelRow]


@router.get("", response_model=None, responses=answered(ModelsAnswer))
def list_models() -> dict[str, Any]:
    """Every model of the catalogue, whether its weights are here or not."""
    return {"object": "list", "data": [_shape(spec) for spec in catalogue().values()]}


@router.get("/{name}", response_model=None, responses=answered(ModelAnswer))
def show_model(name: str, desk: Desk) -> dict[str, Any]:
    """One model, with its version."""
    spec = desk.find(name)
    return _shape(spec) | {"version": spec.version}


def _shape(spec: ModelSpec) -> dict[str, Any]:
    return {
        "id": spec.name,
        "object": "model",
        "created": 0,
        "owned_by": spec.source,
        "signature": str(spec.signature),
        "family": spec.family,
        "licence": spec.licence,
        "dims": spec.dims,
        "synthetic": spec.synthetic,
    }
