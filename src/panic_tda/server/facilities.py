"""What the routes work with: models, experiments, and who may change something."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.executors import make_executor
from panic_tda.runtime.sessions import Sessions
from panic_tda.server.collector import Collector
from panic_tda.server.finetunes import Finetunes
from panic_tda.server.logs import write_line
from panic_tda.server.performances import Performances
from panic_tda.server.seats import Seats
from panic_tda.services.host import Host
from panic_tda.settings import Settings

if TYPE_CHECKING:
    from panic_tda.runtime.executor import Executor


CALLS_AT_ONCE = 32
"""Of all sessions together."""


@dataclass(frozen=True)
class Rules:
    """What callers may do. Without ``open_to_all``, reading needs the token too; 0 means no limit."""

    token: str
    open_to_all: bool = True
    largest_body: int = 64_000_000
    requests_per_s: float = 0.0
    hosts: tuple[str, ...] = ()
    """Names under which a browser may reach the server; empty: any."""


@dataclass
class Facilities:
    """One executor for all routes, language models that are overheard in this process, experiments and tunings."""

    settings: Settings
    rules: Rules
    find: Callable[[str], ModelSpec] = find
    closing: threading.Event = field(default_factory=threading.Event)
    tell: Callable[..., None] = write_line
    """Takes the lines of the log about work beside the requests."""
    folder: Path = field(default_factory=Path.cwd)
    """Callers may name files in it, and no others."""

    def __post_init__(self) -> None:
        self.executor: Executor = make_executor(self.settings)
        self.collector = Collector(self.executor)
        self.host = Host(self.settings)
        self.seats = Seats()
        self.performances = Performances(self.settings, self.executor)
        self.finetunes = Finetunes(self.settings, self.tell)
        self.sessions = Sessions(self.executor)
        self.asking = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="panic-tda-session")
        """The calls of sessions wait for each other, and must not keep other requests waiting."""

    def close(self) -> None:
        """Finishes what is in flight: an experiment stops after its batch, to be resumed."""
        self.closing.set()
        self.finetunes.close()
        self.performances.close()
        self.host.close()
        self.executor.close()
        self.asking.shutdown(wait=True, cancel_futures=True)
