"""Experiments that are performed beside the requests, one after the other, by the same code as on the command line."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from panic_tda.errors import NotFound, PanicError, RequestError
from panic_tda.lab import perform as performing
from panic_tda.lab.laboratory import load_config, open_bench
from panic_tda.lab.perform import Outcome
from panic_tda.lab.progress import Progress
from panic_tda.server.watching import Watched
from panic_tda.settings import Settings
from panic_tda.store.database import Record, open_record

if TYPE_CHECKING:
    from panic_tda.runtime.executor import Executor


class Performance(Watched):
    """One experiment in the queue, at work, or done."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.id = key
        self.stop = threading.Event()
        self.progress: Progress | None = None
        self.outcome: Outcome | None = None
        self.fault: PanicError | None = None

    @property
    def has_ended(self) -> bool:
        """See :class:`~panic_tda.server.watching.Watched`."""
        return self.outcome is not None or self.fault is not None

    def told(self) -> tuple[str, Any]:
        """``waiting``, ``progress``, and at last ``end`` or ``failed``."""
        if self.fault is not None:
            return "failed", {"type": type(self.fault).__name__, "message": self.fault.message}
        if self.outcome is not None:
            return "end", asdict(self.outcome)
        return ("progress", asdict(self.progress)) if self.progress else ("waiting", {"id": self.id})

    def tell(self, progress: Progress) -> None:
        """Remembers how far it is."""
        self.progress = progress
        self.changed()


class Performances:
    """The experiments of this server; those that others perform are in the record as well."""

    def __init__(self, settings: Settings, executor: Executor) -> None:
        self._settings = settings
        self._executor = executor
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="panic-tda-experiment")
        self._known: dict[str, Performance] = {}
        self._opening = threading.Lock()
        self._record: Record | None = None

    @property
    def record(self) -> Record:
        """The database of the settings, opened (or created) when it is first needed."""
        with self._opening:
            if self._record is None:
                self._record = open_record(self._settings.db, create=True)
            return self._record

    def create(self, config: dict[str, Any], *, accept: bool = False) -> str:
        """Checks an experiment and its models, puts it into the record and into the queue; returns its id."""
        _refuse_files(config)
        experiment = load_config(config, record=self.record)
        with open_bench(self.record, self._settings, executor=self._executor) as bench:
            key = performing.create(bench, experiment, accept=accept)
        self.perform(key)
        return key

    def perform(self, key: str) -> Performance:
        """Puts an experiment of the record into the queue, unless it is there already."""
        known = self._known.get(key)
        if known is None or known.has_ended:
            known = self._known[key] = Performance(key)
            self._thread.submit(self._perform, known)
        return known

    def of(self, key: str) -> Performance | None:
        """What this server knows of an experiment."""
        return self._known.get(key)

    def cancel(self, key: str) -> None:
        """Stops after the batch in flight; raises ``NotFound`` for what this server does not perform."""
        known = self._known.get(key)
        if known is None or known.has_ended:
            raise NotFound(f"experiment {key} is not being performed by this server")
        known.stop.set()

    def close(self) -> None:
        """Stops what is at work after its batch in flight, and forgets the queue; the record can be resumed."""
        for known in self._known.values():
            known.stop.set()
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._record is not None:
            self._record.close()

    def _perform(self, known: Performance) -> None:
        try:
            with open_bench(
                self.record, self._settings, executor=self._executor, progress=known.tell, stop=known.stop
            ) as bench:
                known.outcome = performing.perform(bench, [known.id])[0]
        except PanicError as fault:
            known.fault = fault
        except Exception as fault:  # a defect; whoever listens is told, and the next experiment has its turn
            known.fault = PanicError(f"experiment {known.id}: {type(fault).__name__}: {fault}")
        known.changed()


def _refuse_files(config: dict[str, Any]) -> None:
    """Callers may not name files of this machine."""
    prompts = config.get("prompts")
    for prompt in prompts if isinstance(prompts, list) else []:
        if isinstance(prompt, dict):
            raise RequestError("an experiment that is sent to a server has prompts of text only")
