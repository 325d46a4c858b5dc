"""Measurements as if they had been taken on this machine."""

from __future__ import annotations

from typing import Any

from panic_tda.models.machine import place_of
from panic_tda.models.measurements import Measurement
from panic_tda.models.model import ModelSpec, Tier


def measurement(spec: ModelSpec, **changes: Any) -> Measurement:
    """Of a model, with batches of 4 that take 200 MB; ``changes`` are any fields of it."""
    size = changes.get("batch_size", 4)
    facts: dict[str, Any] = {
        "model": spec.name,
        "version": spec.version,
        "machine": place_of(spec.device),
        "measured_at": "2026-01-02T03:04:05+00:00",
        "load_seconds": 1.5,
        "resident_bytes": 100_000_000,
        "peak_bytes": {1: 150_000_000, size: 200_000_000},
        "seconds_per_item": {1: 0.2, size: 0.1},
        "batch_size": size,
        "largest_batch": size,
        "out_of_memory_at": None,
        "tier": Tier.EXACT,
        "tier_reason": "",
    }
    return Measurement(**facts | changes)
