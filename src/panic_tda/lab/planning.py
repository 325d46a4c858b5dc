"""The wavefront: which model works next, and on which runs. Pure decisions over the states of runs.

All unfinished runs of all networks stand at some step and wait for some model. Work goes to the resident
model with the most waiting runs, and another model is loaded only when no resident one has work. The one to
load is the one with the run that lags behind most, so that runs of several networks stay in step and meet
again at the models they share; for one network of k models that do not fit together, a wave of any number
of runs costs k loads for each step of the cycle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from panic_tda.lab.network import Network, Node
from panic_tda.store.generation import OtherSeed


@dataclass(slots=True)
class RunState:
    """Where a run stands: ``length`` invocations are done, and ``next_input`` is what the next one takes.

    A run is not ``repeatable`` when a model of its network is of tier ``free``.
    """

    run_id: str
    experiment_id: str
    network: Network
    seed: int
    length: int
    max_length: int
    next_input: str
    visited: dict[tuple[int, int], int] = field(default_factory=dict)
    other_seed: OtherSeed | None = None
    repeatable: bool = True

    @property
    def next_seed(self) -> int:
        """The seed the next invocation is called with; −1: draw one."""
        other = self.other_seed
        return other.seed if other is not None and other.step == self.length else self.seed

    @property
    def deterministic_from(self) -> int:
        """The first step whose output decides all that follow: where a noise twin got its other seed, or else 0."""
        return self.other_seed.step if self.other_seed else 0

    @property
    def node(self) -> Node:
        """The node the run waits for."""
        return self.network.node_at(self.length)

    def advance(self, output_id: str) -> tuple[str | None, int | None]:
        """Adds one output and returns (stop reason, period), both None while the run goes on.

        A seeded run stops with ``loop`` when the same content appears at the same position of the cycle again:
        every later step would repeat, unless a model does not repeat itself. What a noise twin visited before its other
        seed does not count: there the same content need not have the same sequel. The period is counted in invocations.
        """
        sequence_number = self.length
        self.length += 1
        self.next_input = output_id
        if self.seed >= 0 and self.repeatable and sequence_number >= self.deterministic_from:
            place = (sequence_number % len(self.network.nodes), int(output_id, 16))
            if place in self.visited:
                return "loop", sequence_number - self.visited[place]
            self.visited[place] = sequence_number
        return ("length", None) if self.length >= self.max_length else (None, None)


class Waiting(NamedTuple):
    """The runs that wait for one node: how many, and the step of the one that waits longest."""

    runs: int
    least_step: int


def choose_node(waiting: Mapping[Node, Waiting], resident: Collection[str]) -> Node | None:
    """The node to serve next, or None when nothing waits."""
    of_model: dict[str, Waiting] = {}
    for node, queue in waiting.items():
        if queue.runs:
            known = of_model.get(node.model, Waiting(0, queue.least_step))
            of_model[node.model] = Waiting(known.runs + queue.runs, min(known.least_step, queue.least_step))
    loaded = [model for model in of_model if model in resident]
    if loaded:
        model = max(loaded, key=lambda name: of_model[name].runs)
    elif of_model:
        model = min(of_model, key=lambda name: (of_model[name].least_step, -of_model[name].runs))
    else:
        return None
    mine = {node: queue for node, queue in waiting.items() if node.model == model and queue.runs}
    return max(mine, key=lambda node: mine[node].runs)


class Batch(NamedTuple):
    """Runs that one model call advances together."""

    node: Node
    runs: tuple[RunState, ...]


class Wavefront:
    """The waiting runs by node, first come first served within a node."""

    def __init__(self, runs: Iterable[RunState] = ()) -> None:
        self._queues: dict[Node, deque[RunState]] = {}
        for run in runs:
            self.put(run)

    def put(self, run: RunState) -> None:
        """Lets a run wait for its next node."""
        self._queues.setdefault(run.node, deque()).append(run)

    def withdraw(self, number: int, experiment_id: str) -> list[RunState]:
        """Takes up to ``number`` waiting runs of an experiment away, those that came last first."""
        taken: list[RunState] = []
        for node, queue in self._queues.items():
            kept: deque[RunState] = deque()
            while queue:
                run = queue.pop()
                wanted = run.experiment_id == experiment_id and len(taken) < number
                taken.append(run) if wanted else kept.appendleft(run)
            self._queues[node] = kept
        return taken

    def next_batch(self, resident: Collection[str], batch_size: Callable[[Node], int]) -> Batch | None:
        """Takes the runs to work on next, or None when nothing waits."""
        waiting = {node: Waiting(len(queue), queue[0].length if queue else 0) for node, queue in self._queues.items()}
        node = choose_node(waiting, resident)
        if node is None:
            return None
        queue = self._queues[node]
        taken = tuple(queue.popleft() for _ in range(min(len(queue), max(1, batch_size(node)))))
        return Batch(node, taken)
