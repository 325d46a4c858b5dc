"""The states that runs visit: clusters of what an embedder sees, and for each run the state of each of its rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.rounds import Rounds, continued, rounds_of
from panic_tda.answers.trajectory import Step, evenly
from panic_tda.answers.words import count, shorten
from panic_tda.errors import NotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.analysis.clustering import Clustering
    from panic_tda.answers.evidence import Evidence

MOST_CLUSTERED = 8_000
"""Distinct outputs that are clustered; of more, evenly many, and the rest go with the nearest of these."""

MOST_STATES = 20
"""States of a network that are told apart: its most visited clusters; smaller ones count as on the way."""


class States(NamedTuple):
    """The clusters under an embedder: ``of`` an output's hash its cluster, −1 for none; ``origin`` says whence."""

    of: dict[str, int]
    origin: str
    cautions: tuple[str, ...]


class Visit(NamedTuple):
    """A run's rounds: ``clusters`` (n,), −1 for none; ``states`` (n,) with rounds in transit given to the last state.

    ``before`` rounds came before the first state; all n where the run visits none.
    """

    rounds: Rounds
    clusters: NDArray[np.int64]
    states: NDArray[np.int64]
    before: int

    @property
    def recorded(self) -> NDArray[np.int64]:
        """The states from the first one on, as recorded."""
        return self.states[self.before :]

    @property
    def whole(self) -> NDArray[np.int64]:
        """The states from the first one on; a run stopped in an exact loop goes on in it to its full length."""
        return self.states[continued(self.rounds.trajectory, self.rounds.steps)][self.before :]


class Visited:
    """The ``visits`` of a network's runs under an embedder, and its ``states``, most visited first.

    ``medoids``: for each state the step whose output is nearest to all that the network's runs make there.
    """

    def __init__(self, embedder: str, network: str, found: States, rounds: Sequence[Rounds]) -> None:
        import numpy as np

        from panic_tda.analysis.core_sets import core_set_sequences

        self.embedder, self.network, self.found = embedder, network, found
        clusters = [np.array([found.of[sha] for sha in hashes(each)], np.int64) for each in rounds]
        tally = Counter(int(state) for each in clusters for state in each if state >= 0)
        self.states = [state for state, _ in tally.most_common(MOST_STATES)]
        self.left_out = len(tally) - len(self.states)
        clusters = [np.where(np.isin(each, self.states), each, -1) for each in clusters]
        self.medoids = _medoids(rounds, found.of, self.states)
        cores = core_set_sequences(clusters)
        self.visits = [
            Visit(*parts) for parts in zip(rounds, clusters, cores.sequences, cores.before_first.tolist(), strict=True)
        ]

    @property
    def name(self) -> str:
        """``Glyph → RapidOCR (as MiniLM sees it)``."""
        return f"{self.network} (as {self.embedder} sees it)"

    def state_name(self, state: int, length: int = 40) -> str:
        """``A “a red apple”``: the letter of the state and its medoid."""
        step = self.medoids[state]
        shown = f"“{shorten(step.text, length)}”" if step.text else f"image {step.sha256[:6]}…"
        return f"{letter(state)} {shown}"

    @property
    def outside(self) -> list[float]:
        """For each run the share of its rounds that lie in no state."""
        return [float((visit.clusters < 0).mean()) for visit in self.visits]

    @cached_property
    def cautions(self) -> tuple[str, ...]:
        """What holds for everything that is said of these states."""
        never = sum(visit.before == len(visit.states) for visit in self.visits)
        looping = sum(len(visit.whole) > len(visit.recorded) for visit in self.visits)
        said = {
            f"no state is visited by {never} of {count(len(self.visits), 'run')}": never > 0,
            f"{self.left_out} smaller states count as on the way": self.left_out > 0,
            f"exact loops are followed to the full length, in {looping} of {count(len(self.visits), 'run')}": looping
            > 0,
        }
        return self.found.cautions + tuple(words for words, holds in said.items() if holds)


def visited(evidence: Evidence) -> list[Visited]:
    """The states of each embedder and network; the states of an embedder are the same in all networks."""
    by_embedder: dict[str, list[Rounds]] = {}
    for each in evidence.once(rounds_of):
        by_embedder.setdefault(each.embedder, []).append(each)
    groups = []
    for embedder, rounds in by_embedder.items():
        found = stored_states(evidence, embedder, rounds) or states_of(rounds)
        networks: dict[str, list[Rounds]] = {}
        for each in rounds:
            networks.setdefault(each.trajectory.run.network, []).append(each)
        groups += [Visited(embedder, network, found, mine) for network, mine in networks.items()]
    return groups


def hashes(rounds: Rounds) -> list[str]:
    """The hash of the output of each round."""
    shown = {step.sequence_number: step.sha256 for step in rounds.trajectory.steps}
    return [shown[int(step)] for step in rounds.steps]


def letter(state: int) -> str:
    """A … Z, then A2 … Z2, and so on."""
    return chr(ord("A") + state % 26) + (str(state // 26 + 1) if state >= 26 else "")


def stored_states(evidence: Evidence, embedder: str, rounds: Sequence[Rounds]) -> States | None:
    """The clusters that ``panic-tda cluster compute`` stored of these experiments, if there are any that fit."""
    from panic_tda.lab.clustering import stored_clusters

    if evidence.record is None:
        return None
    try:
        found = stored_clusters(evidence.record, evidence.experiment_ids, embedder)
    except NotFound:  # another experiment had the same outputs measured, and this one does not know the embedder
        return None
    if found is None or not all(sha in found.labels for each in rounds for sha in hashes(each)):
        return None
    return States(found.labels, f"{found.algorithm}, stored as {found.stored}", found.cautions)


def states_of(rounds: Sequence[Rounds]) -> States:
    """Clusters the distinct outputs of all rounds under one embedder, each as heavy as it is frequent.

    The numbers depend on the outputs alone, so that every analysis speaks of the same states.
    """
    import numpy as np

    from panic_tda.analysis.clustering import cluster

    steps, vectors, times = _distinct(rounds)
    chosen = np.array(evenly(len(steps), MOST_CLUSTERED))
    found = cluster(vectors[chosen], np.random.default_rng(0), multiplicity=times[chosen])
    labels = _with_the_nearest(found.best.labels, chosen, vectors)
    of = dict(zip(steps, labels.tolist(), strict=True))
    return States(of, f"{found.algorithm}, made for this answer", _cautions(found, len(steps)))


def _medoids(rounds: Sequence[Rounds], of: dict[str, int], states: Sequence[int]) -> dict[int, Step]:
    import numpy as np

    from panic_tda.analysis.medoids import medoids

    steps, vectors, times = _distinct(rounds)
    number = {state: index for index, state in enumerate(states)}
    labels = np.array([number.get(of[key], -1) for key in steps], np.int64)
    made = list(steps.values())
    rows = medoids(vectors, labels, multiplicity=times).rows.tolist()
    return {state: made[row] for state, row in zip(states, rows, strict=True)}


def _distinct(rounds: Sequence[Rounds]) -> tuple[dict[str, Step], NDArray[np.float32], NDArray[np.int64]]:
    """The distinct outputs in order of first appearance: a step that made each, its vector, how often it occurs."""
    import numpy as np

    steps: dict[str, Step] = {}
    vectors, times = [], Counter[str]()
    for each in rounds:
        made = {step.sequence_number: step for step in each.trajectory.steps}
        for number, vector in zip(each.steps.tolist(), each.vectors, strict=True):
            step = made[number]
            times[step.sha256] += 1
            if step.sha256 not in steps:
                steps[step.sha256] = step
                vectors.append(vector)
    return steps, np.stack(vectors), np.array([times[key] for key in steps], np.int64)


def _with_the_nearest(
    labels: NDArray[np.int64], chosen: NDArray[np.int64], vectors: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The labels of all vectors (unit length): those not chosen have that of the nearest chosen one."""
    import numpy as np

    if len(chosen) == len(vectors):
        return labels
    spread = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), 1024):
        spread[start : start + 1024] = labels[(vectors[start : start + 1024] @ vectors[chosen].T).argmax(axis=1)]
    spread[chosen] = labels
    return spread


def _cautions(found: Clustering, distinct: int) -> tuple[str, ...]:
    sampled = (f"states found among {found.points:,} of {distinct:,} outputs",) if found.points < distinct else ()
    return found.cautions + found.best.cautions + sampled
