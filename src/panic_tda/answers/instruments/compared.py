"""Everything found about two embedders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from panic_tda.answers.instruments.dynamics import Judged
    from panic_tda.answers.instruments.geometry import Neighbourhoods
    from panic_tda.answers.instruments.pairs import Pair
    from panic_tda.answers.instruments.statistic import Statistic


class Compared(NamedTuple):
    """The ``statistics`` of a pair, its rows about ``verdicts`` and ``shapes``, and what its runs are judged by."""

    pair: Pair
    statistics: tuple[Statistic, ...]
    hoods: Neighbourhoods
    verdicts: tuple[dict[str, Any], ...]
    shapes: tuple[dict[str, Any], ...]
    judged: Judged
    ends: dict[tuple[str, str], int]
    totals: dict[tuple[str, str, int], float]

    def of(self, aspect: str) -> list[Statistic]:
        """The statistics of one aspect whose value is known."""
        return [
            each for each in self.statistics if each.aspect == aspect and each.found.estimate == each.found.estimate
        ]
