"""Which worker of a pool takes which call, and which models make room for it.

A worker takes the oldest call whose model it holds. A call whose model nobody holds goes to the idle worker with the
least in memory. A model that only busy workers hold is loaded once more where waiting for them would take longer than
loading, except on an accelerator that all share, where one copy is enough. Models leave, the least recently used
first, only where no call uses them. All of this is decided anew at every change, by functions of nothing but their
arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from panic_tda.models.model import ModelSpec
from panic_tda.runtime.residency import Budget

PATIENCE = 32
"""So many times may later calls overtake one before it goes first."""


class Accelerator(Enum):
    """Whether a worker can compute on a GPU: on none, on one that all workers share, or on one of its own."""

    NONE = 0
    SHARED = 1
    OWN = 2


@dataclass(slots=True)
class Worker:
    """What is known of one worker: ``holds`` maps its models to bytes, the least recently used first."""

    holds: dict[ModelSpec, int] = field(default_factory=dict)
    runs: ModelSpec | None = None
    """The model at work; None while it is idle."""
    gone: bool = False
    """It has no process at present."""
    accelerator: Accelerator = Accelerator.SHARED

    @property
    def is_idle(self) -> bool:
        """Whether it can take a call."""
        return self.runs is None and not self.gone

    def can_run(self, spec: ModelSpec) -> bool:
        """Whether the model finds the device that it was planned for."""
        return not spec.needs_accelerator or self.accelerator is not Accelerator.NONE

    @property
    def used(self) -> int:
        """Bytes of models in its memory."""
        return sum(self.holds.values())


@dataclass(slots=True)
class Paces:
    """Mean seconds that a model took to load and to run a call, as far as seen here."""

    load: dict[str, float] = field(default_factory=dict)
    run: dict[str, float] = field(default_factory=dict)

    def see(self, model: str, load_s: float, run_s: float) -> None:
        """Half of what is known is the newest."""
        self.run[model] = (self.run.get(model, run_s) + run_s) / 2
        if load_s:
            self.load[model] = (self.load.get(model, load_s) + load_s) / 2


class Waiting(NamedTuple):
    """The calls that wait for a model: how many, and how many later ones went before the oldest of them.

    ``home`` is the worker they want, if any; ``strict`` ones take no other.
    """

    spec: ModelSpec
    calls: int = 1
    overtaken: int = 0
    home: int | None = None
    strict: bool = False


class Placed(NamedTuple):
    """Whose oldest call is taken, by its number in the queue, and the models that leave: pairs of worker and model."""

    number: int
    leaving: tuple[tuple[int, ModelSpec], ...] = ()


def place(me: int, queue: Sequence[Waiting], workers: Sequence[Worker], budget: Budget, paces: Paces) -> Placed | None:
    """What the idle worker ``me`` takes next, or None when there is nothing for it now; ``queue`` is oldest first."""
    open_to_me = [number for number, waiting in enumerate(queue) if _may_take(me, waiting, workers)]
    impatient = [number for number in open_to_me if queue[number].overtaken >= PATIENCE][:1]
    for number in impatient or open_to_me:
        if queue[number].spec in workers[me].holds:
            return Placed(number)
    for number in impatient or open_to_me:
        if queue[number].home == me or _is_for(me, queue[number], workers, paces):
            leaving = room_for(queue[number].spec, me, workers, budget)
            if leaving is not None:
                return Placed(number, leaving)
    return None


def _may_take(me: int, waiting: Waiting, workers: Sequence[Worker]) -> bool:
    """Whether calls that want a certain worker may go to ``me``."""
    home = waiting.home
    return home is None or home == me or not (waiting.strict or workers[home].is_idle)


def room_for(
    spec: ModelSpec, me: int, workers: Sequence[Worker], budget: Budget
) -> tuple[tuple[int, ModelSpec], ...] | None:
    """What must leave so that the model, and what it borrows, fits beside the rest; None while too much is in use."""
    needed = [each for each in spec.whole() if each not in workers[me].holds]
    leaving: list[tuple[int, ModelSpec]] = []
    for device in {each.device for each in needed}:
        held = [(number, each) for number in range(len(workers)) for each in workers[number].holds]
        here = [(number, each) for number, each in held if each.device == device]
        missing = sum(each.memory_bytes for each in (*needed, *(each for _, each in here)) if each.device == device)
        missing -= budget.of(device)
        for number, each in sorted(here, key=lambda place: place[0] != me):
            if missing > 0 and workers[number].is_idle and each not in spec.whole():
                leaving.append((number, each))
                missing -= each.memory_bytes
        if missing > 0:
            return None
    return tuple(leaving)


def _is_for(me: int, waiting: Waiting, workers: Sequence[Worker], paces: Paces) -> bool:
    """Whether ``me`` should load a model that it does not hold."""
    spec = waiting.spec
    holders = [worker for worker in workers if spec in worker.holds or worker.runs == spec]
    if any(worker.is_idle for worker in holders):
        return False
    if holders:
        wait_s = waiting.calls / len(holders) * paces.run.get(spec.name, 0.0)
        one_is_enough = spec.needs_accelerator and workers[me].accelerator is Accelerator.SHARED
        if one_is_enough or wait_s < paces.load.get(spec.name, 0.0):
            return False
    idle = [number for number, worker in enumerate(workers) if worker.is_idle and worker.can_run(spec)]
    return bool(idle) and me == min(idle, key=lambda number: (workers[number].used, number))
