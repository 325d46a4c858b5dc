"""What becomes of the output of a network: one vector of length 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from panic_tda.errors import InvalidOutput
from panic_tda.models.model import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector

POOLINGS: Mapping[str, Callable[[Any], Any]] = {
    "mean": lambda tokens: tokens.sum(axis=0) / tokens.dtype.type(len(tokens)),
    "cls": lambda tokens: tokens[0],
    "last": lambda tokens: tokens[-1],
    "max": lambda tokens: tokens.max(axis=0),
}
"""How the vectors of the tokens, shape (tokens, dims), become one."""


def unit(spec: ModelSpec, raw: NDArray[np.float32]) -> Vector | InvalidOutput:
    """The first ``dims`` numbers of a raw vector, of length 1; too few, zero or not finite ones are an error."""
    import numpy as np

    if spec.dims is None or len(raw) < spec.dims:
        return InvalidOutput(f"{spec.name} made {len(raw)} numbers where {spec.dims} were expected")
    raw = raw[: spec.dims]
    norm = float(np.linalg.norm(raw))
    if not np.isfinite(norm) or norm == 0.0:
        return InvalidOutput(f"{spec.name} made a vector that is zero or not finite")
    return cast("Vector", (raw / norm).astype(np.float32))
