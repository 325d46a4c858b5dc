"""The same rounds of the same runs as two embedders see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.rounds import Rounds, rounds_of
from panic_tda.answers.states.visited import hashes
from panic_tda.answers.trajectory import cycle_length, evenly
from panic_tda.answers.words import count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.answers.evidence import Evidence


class Seen(NamedTuple):
    """The rounds of a run that both embedders measured, under each: equally many, in order.

    ``first`` (n,) is whether no round before it, of this run or an earlier one, made the same.
    """

    one: Rounds
    other: Rounds
    first: NDArray[np.bool_]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.one.trajectory.run.run_id


class Points(NamedTuple):
    """Distinct outputs: their vectors ``one`` (n, d) and ``other`` (n, e), and the run and the round that made each."""

    one: NDArray[np.float32]
    other: NDArray[np.float32]
    runs: list[int]
    rounds: list[int]


class Pair:
    """Two embedders, and the runs that both measured; runs that repeat the way of an earlier one are left out."""

    def __init__(self, one: str, other: str, seen: Sequence[Seen], repeated: int, alone: int) -> None:
        self.one, self.other = one, other
        self.seen = list(seen)
        self._repeated, self._alone = repeated, alone

    @property
    def name(self) -> str:
        """``MiniLMTorch and MiniLMTorch@1``."""
        return f"{self.one} and {self.other}"

    @property
    def key(self) -> dict[str, str]:
        """The columns that say which pair a row is about."""
        return {"embedder": self.one, "other": self.other}

    @cached_property
    def distinct(self) -> list[list[int]]:
        """For each run the rounds that made something new."""
        return [each.first.nonzero()[0].tolist() for each in self.seen]

    def points(self, rounds: Sequence[Sequence[int]]) -> Points:
        """The vectors of chosen rounds of each run."""
        import numpy as np

        chosen = [np.array(each, np.int64) for each in rounds]
        one, other = (
            np.concatenate([getattr(seen, side).vectors[each] for seen, each in zip(self.seen, chosen, strict=True)])
            for side in ("one", "other")
        )
        runs = [run for run, each in enumerate(rounds) for _ in each]
        return Points(one, other, runs, [number for each in rounds for number in each])

    def spread(self, most: int) -> Points:
        """At most about ``most`` distinct outputs, evenly spread over each run."""
        each = max(1, most // max(1, len(self.seen)))
        return self.points([[mine[place] for place in evenly(len(mine), each)] for mine in self.distinct])

    @property
    def cautions(self) -> tuple[str, ...]:
        """What holds for everything that is said of the pair."""
        said = {
            f"only {count(len(self.seen), 'run')}": len(self.seen) < 5,
            f"{count(self._repeated, 'run')} left out, since another one went the same way": self._repeated > 0,
            f"{count(self._alone, 'run')} left out, which only one of them measured": self._alone > 0,
        }
        return tuple(words for words, holds in said.items() if holds)


def pairs(evidence: Evidence) -> list[Pair]:
    """Every two embedders that measured a run both; versions of one embedder first."""
    rounds: dict[str, dict[str, Rounds]] = {}
    for each in evidence.once(rounds_of):
        rounds.setdefault(each.embedder, {})[each.trajectory.run.run_id] = each
    named = sorted(combinations(rounds, 2), key=lambda pair: len({name.partition("@")[0] for name in pair}))
    found = [_pair(one, other, rounds[one], rounds[other]) for one, other in named]
    return [each for each in found if each.seen]


def _pair(one: str, other: str, rounds: dict[str, Rounds], others: dict[str, Rounds]) -> Pair:
    both = [run_id for run_id in rounds if run_id in others]
    ways: set[tuple[tuple[str, str], ...]] = set()
    made: set[tuple[str, str]] = set()
    seen = []
    for run_id in both:
        mine, theirs = _shared(rounds[run_id], others[run_id])
        way = tuple(zip(hashes(mine), hashes(theirs), strict=True))
        if way and way not in ways:
            ways.add(way)
            seen.append(Seen(mine, theirs, _new(way, made)))
    return Pair(one, other, seen, len(both) - len(seen), len(rounds.keys() ^ others.keys()))


def _shared(one: Rounds, other: Rounds) -> tuple[Rounds, Rounds]:
    """Both with the rounds of the network that both measured."""
    import numpy as np

    cycle = cycle_length(one.trajectory)
    _, mine, theirs = np.intersect1d(one.steps // cycle, other.steps // cycle, return_indices=True)
    return _chosen(one, mine), _chosen(other, theirs)


def _chosen(rounds: Rounds, places: NDArray[np.int64]) -> Rounds:
    return rounds._replace(steps=rounds.steps[places], vectors=rounds.vectors[places])


def _new(way: Sequence[tuple[str, str]], made: set[tuple[str, str]]) -> NDArray[np.bool_]:
    """Which rounds made something that is not in ``made`` yet, where it is put."""
    import numpy as np

    def fresh() -> Iterator[bool]:
        for each in way:
            yield each not in made
            made.add(each)

    return np.fromiter(fresh(), np.bool_, len(way))
