"""Runs of one network as one embedder sees them, so that row t is the same round in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.evidence import Evidence
from panic_tda.answers.rounds import Rounds, by_group, continued, rounds_of
from panic_tda.answers.trajectory import Run, cycle_length
from panic_tda.answers.words import between

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.analysis.bootstrap import Interval

QUESTION = "Would it have ended elsewhere?"
RESAMPLES = 500


class Side(NamedTuple):
    """A run laid beside others: its ``points`` (T, d) by round; ``whole`` unless a round without a vector cut it."""

    run: Run
    points: NDArray[np.float32]
    whole: bool


class Group(NamedTuple):
    """The ``sides`` of a network's runs under an embedder; rounds of ``cycle`` steps, the first shown by ``start``."""

    embedder: str
    network: str
    sides: list[Side]
    start: int
    cycle: int

    @property
    def name(self) -> str:
        """``Glyph → RapidOCR (as MiniLM sees it)``."""
        return f"{self.network} (as {self.embedder} sees it)"

    @property
    def points(self) -> list[NDArray[np.float32]]:
        """One array (T, d) for each run."""
        return [side.points for side in self.sides]

    @property
    def prompts(self) -> list[str]:
        """What tells the prompt of each run from the others."""
        return [side.run.prompt_sha256 for side in self.sides]

    @property
    def cautions(self) -> tuple[str, ...]:
        """What holds for everything that is said of the group."""
        cut = sum(not side.whole for side in self.sides)
        said = f"{cut} of {len(self.sides)} runs are cut at an output without a vector"
        return (said,) if cut else ()

    def step(self, rounds: float) -> float:
        """The sequence number at a round, which may lie between two."""
        return self.start + self.cycle * rounds

    def in_steps(self, rounds: Interval) -> Interval:
        """A duration in rounds as one in steps."""
        low, high = self.cycle * rounds.low, self.cycle * rounds.high
        return rounds._replace(estimate=self.cycle * rounds.estimate, low=low, high=high)

    def by_prompt(self) -> list[list[Side]]:
        """The runs of each prompt, in order."""
        found: dict[str, list[Side]] = {}
        for side in self.sides:
            found.setdefault(side.run.prompt_sha256, []).append(side)
        return list(found.values())


def groups(evidence: Evidence) -> list[Group]:
    """The runs of every embedder and network that have vectors.

    A run that stopped in an exact loop goes on in it to its full length; a run ends before its first round without a
    vector.
    """
    return [_group(*key, rounds) for key, rounds in by_group(evidence.once(rounds_of)).items()]


def _group(embedder: str, network: str, rounds: list[Rounds]) -> Group:
    start = min(int(each.steps[0]) for each in rounds)
    cycle = max(cycle_length(each.trajectory) for each in rounds)
    sides = [_side(each, start, cycle) for each in rounds]
    return Group(embedder, network, [side for side in sides if len(side.points)], start, cycle)


def _side(rounds: Rounds, start: int, cycle: int) -> Side:
    import numpy as np

    expected = start + cycle * np.arange(len(rounds.steps))
    if (rounds.steps == expected).all():
        shown = continued(rounds.trajectory, rounds.steps)
        return Side(rounds.trajectory.run, rounds.vectors[shown], True)
    gap = int(np.argmax(rounds.steps != expected))
    return Side(rounds.trajectory.run, rounds.vectors[:gap], False)


def in_rounds(cautions: tuple[str, ...]) -> tuple[str, ...]:
    """Cautions of an analysis on arrays, whose steps are rounds here."""
    return tuple(caution.replace("step", "round") for caution in cautions)


def distance_words(distance: Interval) -> str:
    """``1.12 [1.05, 1.18]``, with a third digit where the distance is small."""
    return between(distance, 2 if distance.estimate >= 0.1 else 3)


def joined(*cautions: tuple[str, ...]) -> str:
    """All cautions as the text of a table's cell."""
    return "; ".join(dict.fromkeys(caution for each in cautions for caution in each))
