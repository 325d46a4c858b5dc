"""Conversations with models: the runtime keeps what was said, never only the worker that heard it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from panic_tda.content import Text
from panic_tda.errors import PanicError, QueueFull, SessionNotFound
from panic_tda.models.model import ModelSpec, Parameters, ParameterValue
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.result import Affinity, Call, Result, Stay

TTL_S = 3_600.0
MOST = 10_000
SWEEP_S = 60.0


class Turn(NamedTuple):
    """What was asked, and what was answered."""

    asked: str
    answered: str


class Standing(NamedTuple):
    """What there is to say about a session; ``idle_s`` is how long ago it was last used, ``worker`` who served it."""

    id: str
    model: str
    affinity: Affinity
    parameters: dict[str, ParameterValue]
    seed: int
    ttl_s: float
    idle_s: float
    worker: str
    turns: tuple[Turn, ...]


@dataclass(slots=True)
class Session:
    """One caller's state. ``parameters`` hold for every call of the session that does not say otherwise.

    ``seed`` is that of the first call; those that follow have the seeds that follow. ``model`` is for the caller to
    remember.
    """

    affinity: Affinity
    parameters: dict[str, ParameterValue]
    touched: float
    ttl_s: float = TTL_S
    seed: int = 0
    model: str = ""
    turns: list[Turn] = field(default_factory=list)
    place: tuple[str, int] = ("", 0)
    """Worker and process that served it last."""
    lock: Lock = field(default_factory=Lock)


class Sessions:
    """Open conversations on one executor. Every method may be called from any thread.

    A session ends ``ttl_s`` seconds after it was last used, or its own number of seconds; what has ended is swept away
    once a minute, whenever a session is opened or used. The calls of one session follow each other, those of different
    sessions do not wait for each other.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        ttl_s: float = TTL_S,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor = executor
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = Lock()
        self._swept = clock()

    def open(
        self,
        *,
        affinity: Affinity = Affinity.HINT,
        parameters: Parameters | None = None,
        seed: int = 0,
        model: str = "",
        ttl_s: float | None = None,
    ) -> str:
        """The id of a new session; raises ``QueueFull`` when as many are open as may be."""
        with self._lock:
            self._sweep()
            if len(self._sessions) >= self._most:
                raise QueueFull(f"{self._most} sessions are open", hint="close some, or wait until they end")
            key = secrets.token_hex(16)
            ttl_s = self._ttl_s if ttl_s is None else ttl_s
            self._sessions[key] = Session(affinity, dict(parameters or {}), self._clock(), ttl_s, seed, model)
        return key

    def ask(
        self, key: str, spec: ModelSpec, text: str, *, seed: int | None = None, parameters: Parameters | None = None
    ) -> Result:
        """What the model answers to the conversation so far and this text; the answer becomes part of it.

        Raises ``SessionNotFound``, with a strict affinity ``SessionLost`` or ``WorkerBusy``, and what the call fails
        with. A session that a worker lost goes on with another one, and its whole history, unless it is strict.
        """
        session = self._find(key)
        with session.lock:
            worker, process = session.place
            stay = Stay(session.affinity, worker, process)
            given: Mapping[str, ParameterValue] = {**session.parameters, **(parameters or {})}
            said = Text(transcript(session.turns, text))
            drawn = session.seed + len(session.turns) if seed is None else seed
            result = self._executor.submit(Call(spec, (said,), (drawn,), given, stay)).result()
            (outcome,) = result.outputs
            if isinstance(outcome, PanicError):
                raise outcome
            if isinstance(outcome, Text):
                session.turns.append(Turn(text, outcome.value))
            session.place = (result.worker, result.process)
            session.touched = self._clock()
        return result

    def history(self, key: str) -> tuple[Turn, ...]:
        """What was said; raises ``SessionNotFound``."""
        return tuple(self._find(key).turns)

    def standing(self, key: str) -> Standing:
        """How a session stands, without using it; raises ``SessionNotFound``."""
        with self._lock:
            return self._told(key, self._open(key))

    def standings(self) -> list[Standing]:
        """How every open session stands, the oldest first."""
        with self._lock:
            self._sweep(at_once=True)
            return [self._told(key, each) for key, each in self._sessions.items()]

    def close(self, key: str) -> None:
        """Ends a session; one that has ended already is no fault."""
        with self._lock:
            self._sessions.pop(key, None)

    def __len__(self) -> int:
        """How many are open."""
        with self._lock:
            self._sweep(at_once=True)
            return len(self._sessions)

    def _find(self, key: str) -> Session:
        with self._lock:
            session = self._open(key)
            session.touched = self._clock()
            return session

    def _open(self, key: str) -> Session:
        self._sweep()
        session = self._sessions.get(key)
        if session is None or self._has_ended(session):
            raise SessionNotFound(
                f"no session {key}",
                hint=f"sessions end {self._ttl_s:g} s after their last call, unless they were opened for another time",
            )
        return session

    def _told(self, key: str, session: Session) -> Standing:
        return Standing(
            key,
            session.model,
            session.affinity,
            dict(session.parameters),
            session.seed,
            session.ttl_s,
            self._clock() - session.touched,
            session.place[0],
            tuple(session.turns),
        )

    def _has_ended(self, session: Session) -> bool:
        return self._clock() - session.touched > session.ttl_s and not session.lock.locked()

    def _sweep(self, *, at_once: bool = False) -> None:
        if at_once or self._clock() - self._swept >= SWEEP_S:
            self._swept = self._clock()
            self._sessions = {key: each for key, each in self._sessions.items() if not self._has_ended(each)}


def transcript(turns: list[Turn], text: str) -> str:
    """What the model reads: the text alone at first, later the whole conversation, and a place for the answer."""
    if not turns:
        return text
    said = "".join(f"User: {turn.asked}\nAssistant: {turn.answered}\n" for turn in turns)
    return f"{said}User: {text}\nAssistant:"
