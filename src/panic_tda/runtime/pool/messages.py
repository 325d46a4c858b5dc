"""What a pool and its workers say to each other: one question, one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from panic_tda.errors import PanicError
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.result import Call

if TYPE_CHECKING:
    from panic_tda.runtime.result import Outcome


@dataclass(frozen=True, slots=True)
class Run:
    """Frees the models in ``drop``, then runs the call, if any, in batches of ``limit`` items (None: in one)."""

    call: Call | None
    drop: tuple[ModelSpec, ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The call was run, in ``run_s`` seconds; ``limit`` is the batch size that was learnt.

    ``holds`` are the models in memory with their bytes, the least recently used first; None: as before.
    """

    outputs: tuple[Outcome, ...]
    load_s: float = 0.0
    run_s: float = 0.0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    limit: int | None = None
    holds: Mapping[ModelSpec, int] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The call failed as a whole; a ``poisoned`` worker can do nothing more and ends. ``holds`` as in ``Done``."""

    fault: PanicError
    poisoned: bool = False
    holds: Mapping[ModelSpec, int] | None = None
