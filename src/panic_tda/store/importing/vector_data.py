"""Vectors as earlier implementations stored them: float32, little-endian, no header. The bytes are kept as they are."""

from __future__ import annotations

from panic_tda.store.importing.tally import Refusal
from panic_tda.store.importing.values import refuse_oversize


def vector_bytes(value: object, size: int) -> bytes:
    """The bytes of a vector that has ``size`` of them and holds numbers, not all of them 0."""
    import numpy as np

    if value is None:
        raise Refusal("it has no vector")
    refuse_oversize(value, "its vector")
    if not isinstance(value, bytes):
        raise Refusal("its vector is not binary data")
    if len(value) != size:
        raise Refusal(f"its vector has {len(value)} bytes, those of this embedder have {size}")
    numbers = np.frombuffer(value, "<f4")
    if not np.isfinite(numbers).all():
        raise Refusal("its vector holds NaN or infinity")
    if not numbers.any():
        raise Refusal("its vector is zero")
    return value
