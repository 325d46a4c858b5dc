"""Which models are in memory: loaded once, pinned while in use, the least recently used makes room.

Each device has a budget of its own, and a model counts with the memory its catalogue entry states: measured by
``panic-tda model measure`` where that was done, else counted in the weights or estimated.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from panic_tda.errors import InsufficientMemory, ModelLoadError, PanicError
from panic_tda.models.machine import device_memory
from panic_tda.models.model import Model, ModelSpec


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes that loaded models may take on each device; 0 for three quarters of its memory."""

    chosen: int = 0

    def of(self, device: str) -> int:
        """Bytes on a device."""
        return self.chosen or available_memory(device)

    def check(self, spec: ModelSpec) -> None:
        """Raises ``InsufficientMemory`` when the model, or one that it borrows, is larger than what its device has."""
        for each in spec.whole():
            budget = self.of(each.device)
            if each.memory_bytes > budget:
                needs = f"{_gigabytes(each.memory_bytes)} ({each.memory_source})"
                raise InsufficientMemory(
                    f"{each.name} needs {needs}, the memory budget is {_gigabytes(budget)}",
                    hint="raise memory_budget in the settings, or choose a smaller model (panic-tda model list)",
                )


@dataclass(slots=True)
class _Resident:
    model: Model
    pins: int = 0


class Residency:
    """Loaded models under a budget of bytes. Callers on several threads wait for each other's pins."""

    def __init__(self, budget: int | Budget, load: Callable[[ModelSpec], Model]) -> None:
        self._budget = _as_budget(budget)
        self._load = load
        self._residents: OrderedDict[ModelSpec, _Resident] = OrderedDict()
        self._changed = threading.Condition()
        self.loads = 0

    def check(self, spec: ModelSpec) -> None:
        """Raises ``InsufficientMemory`` when the model, or one that it borrows, is larger than its device's budget."""
        self._budget.check(spec)

    @contextmanager
    def use(self, spec: ModelSpec) -> Iterator[tuple[Model, float]]:
        """The loaded model, pinned until the block ends, and the seconds its loading took (0 when it was there)."""
        resident, load_s = self._pin(spec)
        try:
            yield resident.model, load_s
        finally:
            with self._changed:
                resident.pins -= 1
                self._changed.notify_all()

    @contextmanager
    def lend(self, spec: ModelSpec) -> Iterator[Model]:
        """The loaded model for another one that is in use here; pinned like that one, until the block ends.

        Whoever borrows one model at a time, and takes no room itself, never waits for a pin of its own.
        """
        with self.use(spec) as (model, _):
            yield model

    def abandon(self, spec: ModelSpec) -> None:
        """Forgets a model that hangs, and what it borrows: they cannot be freed; their next use loads them anew."""
        with self._changed:
            for each in spec.whole():
                self._residents.pop(each, None)
            self._changed.notify_all()

    def drop(self, spec: ModelSpec) -> None:
        """Frees a model that nobody uses; one that is not there is no fault."""
        with self._changed:
            resident = self._residents.get(spec)
            if resident is not None and not resident.pins:
                self._residents.pop(spec).model.close()

    def sizes(self) -> dict[ModelSpec, int]:
        """The models in memory, the least recently used first, and the bytes that each is thought to take."""
        with self._changed:
            return {held: held.memory_bytes for held in self._residents}

    def close(self) -> None:
        """Frees every model."""
        with self._changed:
            while self._residents:
                self._residents.popitem()[1].model.close()

    def _pin(self, spec: ModelSpec) -> tuple[_Resident, float]:
        self.check(spec)
        with self._changed:
            load_s = 0.0
            self._make_room(spec)
            if spec not in self._residents:
                started = time.perf_counter()
                self._residents[spec] = _Resident(self._loaded(spec))
                load_s = time.perf_counter() - started
                self.loads += 1
            resident = self._residents[spec]
            self._residents.move_to_end(spec)
            resident.pins += 1
            return resident, load_s

    def _make_room(self, spec: ModelSpec) -> None:
        """Evicts and waits until the model fits, or until another caller has loaded it."""
        budget = self._budget.of(spec.device)
        while spec not in self._residents and self._used(spec.device) + spec.memory_bytes > budget:
            beside = (held for held in self._residents if held.device == spec.device)
            idle = next((held for held in beside if not self._residents[held].pins), None)
            if idle is None:
                self._changed.wait()
            else:
                self._residents.pop(idle).model.close()

    def _loaded(self, spec: ModelSpec) -> Model:
        try:
            return self._load(spec)
        except PanicError:
            raise
        except Exception as fault:  # loading runs code of plug-ins and libraries, which may raise anything
            raise ModelLoadError(f"{spec.name} does not load: {type(fault).__name__}: {fault}") from fault

    def _used(self, device: str) -> int:
        return sum(held.memory_bytes for held in self._residents if held.device == device)


class ExpectedResidents:
    """What a :class:`Residency` will hold after a sequence of uses, one at a time, without loading anything."""

    def __init__(self, budget: int | Budget) -> None:
        self._budget = _as_budget(budget)
        self._specs: OrderedDict[ModelSpec, None] = OrderedDict()

    def use(self, spec: ModelSpec) -> list[str]:
        """The model is used next; returns which ones leave for it, the least recently used first.

        One that is larger than the budget changes nothing, since it is refused.
        """
        if any(each.memory_bytes > self._budget.of(each.device) for each in spec.whole()):
            return []
        return [left for each in spec.whole() for left in self._use(each)]

    def _use(self, spec: ModelSpec) -> list[str]:
        self._specs.pop(spec, None)
        beside = [each for each in self._specs if each.device == spec.device]
        left = []
        while beside and sum(each.memory_bytes for each in beside) + spec.memory_bytes > self._budget.of(spec.device):
            del self._specs[(least_recent := beside.pop(0))]
            left.append(least_recent.name)
        self._specs[spec] = None
        return left

    def names(self) -> frozenset[str]:
        """The names of the models that are expected to be in memory."""
        return frozenset(each.name for each in self._specs)


def _as_budget(given: int | Budget) -> Budget:
    return given if isinstance(given, Budget) else Budget(given)


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"


def available_memory(device: str = "cpu") -> int:
    """Three quarters of a device's memory, in bytes: its default budget."""
    return device_memory(device) * 3 // 4
