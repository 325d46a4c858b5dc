"""Pairs put together: by network and change, and as each embedder sees them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.evidence import Evidence
from panic_tda.answers.rounds import Rounds, continued, rounds_of
from panic_tda.answers.twins.pairs import Change, Pair, Separations

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.analysis.bootstrap import Interval
    from panic_tda.analysis.size_exponent import SizeExponent
    from panic_tda.analysis.twins import TwinGrowth

    Floats = NDArray[np.float64]

_FEW_RUNS = 5


class Seen(NamedTuple):
    """Pairs of one network and change as an embedder sees them: ``final`` is over the pairs that have not merged."""

    network: str
    change: Change
    embedder: str
    group: list[Separations]
    growth: TwinGrowth
    final: Interval
    floor: float | None


class Changed(NamedTuple):
    """Pairs of one network and change; ``share``: how many of those that differed are the same again."""

    network: str
    change: Change
    pairs: list[Pair]
    share: Interval
    seen: list[Seen]

    @property
    def never(self) -> int:
        """How many twins never differ from their run."""
        return sum(pair.differ is None for pair in self.pairs)

    @property
    def merges(self) -> list[int]:
        """The steps from which pairs are the same again, in order."""
        return sorted(pair.merge for pair in self.pairs if pair.merged and pair.merge is not None)

    @property
    def runs(self) -> int:
        """How many runs have these twins."""
        return len({pair.run.run_id for pair in self.pairs})

    @property
    def cautions(self) -> tuple[str, ...]:
        """In what way the share may not mean what it seems to."""
        short = sum(bool(pair.caution) for pair in self.pairs)
        said = {
            f"only {self.runs} {'run has' if self.runs == 1 else 'runs have'} such twins": self.runs < _FEW_RUNS,
            f"{short} of {len(self.pairs)} pairs are compared in part only": short > 0,
            f"{self.never} of {len(self.pairs)} twins never differ from their run": self.never > 0,
        }
        return tuple(caution for caution, holds in said.items() if holds)


class Sized(NamedTuple):
    """All pairs of a network as an embedder sees them: whether the size of a change matters.

    ``smallest``: the pairs of the change that makes the smallest difference at first. Changes of several sizes put
    together have no growth rate, since they saturate at different rounds.
    """

    network: str
    embedder: str
    smallest: Seen
    size: SizeExponent


def by_change(
    pairs: Sequence[Pair],
    separations: Iterable[Separations],
    floors: dict[tuple[str, str], float],
    rng: np.random.Generator,
) -> list[Changed]:
    """The groups of pairs by network and change, in the order of the pairs."""
    from panic_tda.analysis.clustered_share import clustered_share

    groups: dict[tuple[str, Change], list[Pair]] = {}
    for pair in pairs:
        groups.setdefault((pair.run.network, pair.change), []).append(pair)
    seen = _seen(separations, floors, rng)
    found = []
    for (network, change), group in sorted(groups.items()):
        differed = [pair for pair in group if pair.differ is not None]
        share = clustered_share([pair.merged for pair in differed], [pair.run.run_id for pair in differed])
        found.append(Changed(network, change, group, share, seen.get((network, change), [])))
    return found


def _seen(
    separations: Iterable[Separations], floors: dict[tuple[str, str], float], rng: np.random.Generator
) -> dict[tuple[str, Change], list[Seen]]:
    groups: dict[tuple[str, Change, str], list[Separations]] = {}
    for each in separations:
        groups.setdefault((each.pair.run.network, each.pair.change, each.embedder), []).append(each)
    found: dict[tuple[str, Change], list[Seen]] = {}
    for (network, change, embedder), group in groups.items():
        floor = floors.get((network, embedder))
        one = Seen(network, change, embedder, group, _growth(group, rng), _final(group, rng), floor)
        found.setdefault((network, change), []).append(one)
    return found


def by_network(changed: Iterable[Changed], rng: np.random.Generator) -> list[Sized]:
    """All changes together, by network and embedder."""
    groups: dict[tuple[str, str], list[Seen]] = {}
    for seen in (seen for each in changed for seen in each.seen):
        groups.setdefault((seen.network, seen.embedder), []).append(seen)
    return [_sized(*key, group, rng) for key, group in sorted(groups.items())]


def _sized(network: str, embedder: str, seen: Sequence[Seen], rng: np.random.Generator) -> Sized:
    from panic_tda.analysis.size_exponent import size_exponent

    group = [separations for each in seen for separations in each.group]
    size = size_exponent([each.first for each in group], [each.last for each in group], _runs(group), rng)
    return Sized(network, embedder, min(seen, key=_first_difference), size)


def _first_difference(seen: Seen) -> float:
    """The mean distance in the first round of the pairs that lie apart there; ∞ when none does."""
    apart = [each.first for each in seen.group if each.first > 0.0]
    return sum(apart) / len(apart) if apart else float("inf")


def _runs(group: Sequence[Separations]) -> list[str]:
    return [each.pair.run.run_id for each in group]


def _growth(group: Sequence[Separations], rng: np.random.Generator) -> TwinGrowth:
    """Growth from round to round after the change."""
    import numpy as np

    from panic_tda.analysis.twins import twin_growth

    matrix = np.full((len(group), max(len(each.distances) for each in group)), np.nan)
    for row, each in zip(matrix, group, strict=True):
        row[: len(each.distances)] = each.distances
    return twin_growth(matrix, _runs(group), rng)


def _final(group: Sequence[Separations], rng: np.random.Generator) -> Interval:
    """The mean last separation of the pairs that are not the same again."""
    from panic_tda.analysis.grouped_bootstrap import grouped_mean

    apart = [each for each in group if each.pair.merge is None]
    found = grouped_mean([each.last for each in apart], _runs(apart), rng)
    return found._replace(low=max(found.low, 0.0) if found.low == found.low else found.low)


def noise_floors(evidence: Evidence) -> dict[tuple[str, str], float]:
    """For each network and embedder the mean distance at the end between runs of one prompt with other seeds."""
    import numpy as np

    ends: dict[tuple[str, str], dict[str, list[Rounds]]] = {}
    for each in evidence.once(rounds_of):
        key = each.trajectory.run.network, each.embedder
        ends.setdefault(key, {}).setdefault(each.trajectory.run.prompt_sha256, []).append(each)
    floors = {}
    for key, prompts in ends.items():
        distances = [
            float(np.linalg.norm(_end(one) - _end(other)))
            for runs in prompts.values()
            for one, other in combinations(runs, 2)
            if one.trajectory.run.seed != other.trajectory.run.seed
        ]
        if distances:
            floors[key] = float(np.mean(distances))
    return floors


def _end(rounds: Rounds) -> Floats:
    """The vector of the last round to the full length of a run, where a loop goes on."""
    import numpy as np

    shown = continued(rounds.trajectory, rounds.steps)
    vector: Floats = rounds.vectors[shown[-1]].astype(np.float64)
    return vector
