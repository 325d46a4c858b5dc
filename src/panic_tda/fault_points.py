"""Named places where a test may let the process die, to prove that nothing is lost there.

Nothing happens at any of them unless a test arms it in its own process; no setting and no variable does.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    "before the model call",
    "after the model call",
    "before the commit",
    "inside the commit",
    "after the commit",
    "between stages",
    "during the export rename",
    "during the migration",
    "during the version rename",
    "before the version is registered",
)

_armed: dict[str, Callable[[], None]] = {}


def arm(point: str, action: Callable[[], None]) -> None:
    """Lets ``action`` happen whenever ``point`` is reached; ``ValueError`` for a point there is not."""
    if point not in POINTS:
        raise ValueError(f"there is no fault point {point!r}")
    _armed[point] = action


def disarm() -> None:
    """Makes every point harmless again."""
    _armed.clear()


def reach(point: str) -> None:
    """Called where the point is."""
    if _armed and (action := _armed.get(point)) is not None:
        action()
