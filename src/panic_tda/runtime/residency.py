"""Which models are in memory: loaded once, pinned while in use, the least recently used makes room."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from panic_tda.errors import InsufficientMemory, ModelLoadError, PanicError
from panic_tda.models.model import Model, ModelSpec


@dataclass(slots=True)
class _Resident:
    spec: ModelSpec
    model: Model
    pins: int = 0


class Residency:
    """Loaded models under a budget of bytes. Callers on several threads wait for each other's pins."""

    def __init__(self, budget_bytes: int, load: Callable[[ModelSpec], Model]) -> None:
        self._budget = budget_bytes
        self._load = load
        self._residents: OrderedDict[str, _Resident] = OrderedDict()
        self._changed = threading.Condition()
        self.loads = 0

    def check(self, spec: ModelSpec) -> None:
        """Raises ``InsufficientMemory`` when the model, or one that it borrows, is larger than the budget."""
        check_fits(spec, self._budget)

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
                self._residents.pop(each.name, None)
            self._changed.notify_all()

    def drop(self, spec: ModelSpec) -> None:
        """Frees a model that nobody uses; one that is not there is no fault."""
        with self._changed:
            resident = self._residents.get(spec.name)
            if resident is not None and not resident.pins:
                self._residents.pop(spec.name).model.close()

    def sizes(self) -> dict[ModelSpec, int]:
        """The models in memory, the least recently used first, and the bytes that each is thought to take."""
        with self._changed:
            return {resident.spec: resident.spec.memory_bytes for resident in self._residents.values()}

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
            if spec.name not in self._residents:
                started = time.perf_counter()
                self._residents[spec.name] = _Resident(spec, self._loaded(spec))
                load_s = time.perf_counter() - started
                self.loads += 1
            resident = self._residents[spec.name]
            self._residents.move_to_end(spec.name)
            resident.pins += 1
            return resident, load_s

    def _make_room(self, spec: ModelSpec) -> None:
        """Evicts and waits until the model fits, or until another caller has loaded it."""
        while spec.name not in self._residents and self._used() + spec.memory_bytes > self._budget:
            idle = next((name for name, resident in self._residents.items() if not resident.pins), None)
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

    def _used(self) -> int:
        return sum(resident.spec.memory_bytes for resident in self._residents.values())


class ExpectedResidents:
    """What a :class:`Residency` will hold after a sequence of uses, one at a time, without loading anything."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()

    def use(self, spec: ModelSpec) -> None:
        """The model is used next; one that is larger than the budget changes nothing, since it is refused."""
        if any(each.memory_bytes > self._budget for each in spec.whole()):
            return
        for each in spec.whole():
            self._sizes.pop(each.name, None)
            while self._sizes and sum(self._sizes.values()) + each.memory_bytes > self._budget:
                self._sizes.popitem(last=False)
            self._sizes[each.name] = each.memory_bytes

    def names(self) -> frozenset[str]:
        """The models that are expected to be in memory."""
        return frozenset(self._sizes)


def check_fits(spec: ModelSpec, budget_bytes: int) -> None:
    """Raises ``InsufficientMemory`` when the model, or one that it borrows, is larger than the budget."""
    for each in spec.whole():
        if each.memory_bytes > budget_bytes:
            raise InsufficientMemory(
                f"{each.name} needs {_gigabytes(each.memory_bytes)}, the memory budget is {_gigabytes(budget_bytes)}",
                hint="raise memory_budget in the settings, or choose a smaller model (panic-tda model list)",
            )


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"


def available_memory() -> int:
    """Three quarters of the machine's memory, in bytes: the default budget."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
