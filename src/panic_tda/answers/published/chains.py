"""Runs as the papers have them: chains of rounds that all go on to the same length.

Only runs that came to an end are chains, because the papers' chains do; a run that stopped in an exact loop goes on in
it. Round 0 is the first output an embedder measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.evidence import Evidence
from panic_tda.answers.rounds import Rounds, by_group, continued, rounds_of
from panic_tda.answers.trajectory import Run, Trajectory
from panic_tda.answers.words import between, count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.analysis.bootstrap import Interval

FEW_RUNS = 5


class Chain(NamedTuple):
    """The ``vectors`` (R, d) of a run's rounds 0 … R − 1, and the ``ending``, its last text (empty without)."""

    run: Run
    vectors: NDArray[np.float32]
    ending: str


class Chains(NamedTuple):
    """The chains of one network under one embedder; ``cautions`` say which runs are not among them."""

    embedder: str
    network: str
    chains: list[Chain]
    cautions: tuple[str, ...]

    @property
    def who(self) -> str:
        """``Glyph → RapidOCR (as MiniLM sees it)``."""
        return f"{self.network} (as {self.embedder} sees it)"


def chains_of(evidence: Evidence, fewest_rounds: int = 2) -> list[Chains]:
    """The chains of at least so many rounds, by embedder and network; groups without any are left out."""
    found = []
    for (embedder, network), group in by_group(evidence.once(rounds_of)).items():
        chains = [_chain(each) for each in group if ended(each.trajectory)]
        long = [each for each in chains if len(each.vectors) >= fewest_rounds]
        if long:
            found.append(Chains(embedder, network, long, tuple(chain_cautions(len(long), len(group)))))
    return found


def ended(trajectory: Trajectory) -> bool:
    """Whether the run reached its length, or a loop that tells how it goes on."""
    return trajectory.run.stop_reason in ("length", "loop")


def chain_cautions(used: int, runs: int) -> Iterator[str]:
    """Few runs, and runs that are left out."""
    if used < FEW_RUNS:
        yield f"only {count(used, 'run')}"
    if used < runs:
        yield f"{runs - used:,} of {count(runs, 'run')} left out, not finished or too short"


def equally_long(chains: Sequence[Chain]) -> NDArray[np.float32]:
    """The chains cut to the shortest, (runs, R, d)."""
    import numpy as np

    shortest = min(len(each.vectors) for each in chains)
    return np.stack([each.vectors[:shortest] for each in chains])


def told(interval: Interval) -> str:
    """The number and its interval, with a third digit where two would not tell its ends apart."""
    return between(interval, 3 if interval.high - interval.low < 0.02 else 2)


def texts_of(trajectory: Trajectory) -> list[str]:
    """The text of every round, the last one where a round has several; a loop goes on in the same way."""
    import numpy as np

    texts = [step for step in trajectory.steps if step.type == "text" and step.text is not None]
    place = max((step.position for step in texts), default=0)
    chosen = [step for step in texts if step.position == place]
    if not chosen:
        return []
    order = continued(trajectory, np.array([step.sequence_number for step in chosen]))
    return [chosen[each].text or "" for each in order]


def _chain(rounds: Rounds) -> Chain:
    last = rounds.trajectory.ending
    vectors = rounds.vectors[continued(rounds.trajectory, rounds.steps)]
    return Chain(rounds.trajectory.run, vectors, (last.text or "") if last else "")
