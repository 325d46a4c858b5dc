"""One number about two embedders: how far they agree in something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from panic_tda.analysis.bootstrap import Interval


class Statistic(NamedTuple):
    """What was ``found`` over runs, what ``chance`` would give, and a ``p_value``; None for what is not known."""

    aspect: str
    name: str
    found: Interval
    chance: float | None = None
    p_value: float | None = None
    cautions: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """The columns of its row in the table ``agreement``."""
        return {
            "aspect": self.aspect,
            "statistic": self.name,
            "value": known(self.found.estimate),
            "low": known(self.found.low),
            "high": known(self.found.high),
            "chance": known(self.chance),
            "p_value": known(self.p_value),
            "n": self.found.n,
            "caution": "; ".join(self.cautions),
        }


def known(value: float | None) -> float | None:
    """The number, or None for one that is not known."""
    return None if value is None or value != value else float(value)
