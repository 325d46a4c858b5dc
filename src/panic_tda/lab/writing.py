"""Writing off the critical path: one thread stores batches in order while the models go on working."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import TypeVar

from panic_tda.content import Content, Image
from panic_tda.runtime.result import Call, Result
from panic_tda.store.database import Record
from panic_tda.store.outputs import load_outputs
from panic_tda.store.retries import Retry
from panic_tda.store.statements import chunks

_DEPTH = 2
_ENCODERS = 2
_CACHE_BYTES = 12 * 2**20

T = TypeVar("T")
R = TypeVar("R")


class Writer:
    """Prepares jobs side by side and stores them one after the other, on threads of its own.

    At most two jobs wait, so a crash loses little. A job that raises makes the next :meth:`put`, or leaving the
    ``with`` block, raise the same, and no job after it is stored: each may build on the one before.
    """

    def __init__(self) -> None:
        self._encoders = ThreadPoolExecutor(max_workers=_ENCODERS, thread_name_prefix="panic-tda-encoder")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="panic-tda-writer")
        self._pending: deque[Future[None]] = deque()
        self._broken = False

    def put(
        self, items: Sequence[T], prepare: Callable[[Sequence[T]], list[R]], store: Callable[[list[R]], None]
    ) -> None:
        """Queues a job: ``prepare`` on pieces of the items, side by side, and ``store`` on all that came of it.

        Preparing begins at once; the call waits while two jobs are queued already.
        """
        pieces = [self._encoders.submit(prepare, piece) for piece in chunks(items, max(1, -(-len(items) // _ENCODERS)))]
        while len(self._pending) >= _DEPTH:
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(self._store, pieces, store))

    def flush(self) -> None:
        """Waits until everything queued is stored."""
        while self._pending:
            self._pending.popleft().result()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        finally:
            self._encoders.shutdown(wait=True, cancel_futures=True)
            self._thread.shutdown(wait=True, cancel_futures=True)

    def _store(self, pieces: Sequence[Future[list[R]]], store: Callable[[list[R]], None]) -> None:
        if self._broken:
            return
        try:
            store([made for piece in pieces for made in piece.result()])
        except BaseException:
            self._broken = True
            raise


class ContentCache:
    """Contents on their way to their next model: mostly the outputs of the last batches.

    Those not stored yet are always here, stored ones while there is room and until they are taken, others are loaded.
    """

    def __init__(self, record: Record, capacity: int = _CACHE_BYTES) -> None:
        self._record = record
        self._capacity = capacity
        self._stored: OrderedDict[str, Content] = OrderedDict()
        self._unstored: dict[str, Content] = {}
        self._size = 0
        self._lock = Lock()

    def add(self, contents: Iterable[Content]) -> None:
        """Keeps contents until :meth:`stored` says they are in the record."""
        with self._lock:
            self._unstored.update((content.sha256, content) for content in contents)

    def stored(self, contents: Iterable[Content]) -> None:
        """These are in the record now."""
        with self._lock:
            for content in contents:
                self._unstored.pop(content.sha256, None)
                self._remember(content)

    def get(self, keys: Sequence[str]) -> list[Content]:
        """Takes the contents of the keys, in order."""
        with self._lock:
            found = {key: self._take(key) for key in dict.fromkeys(keys)}
        missing = [key for key, content in found.items() if content is None]
        loaded: dict[str, Content] = {}
        if missing:
            with self._record.reading() as connection:
                loaded = load_outputs(connection, missing)
        return [found[key] or loaded[key] for key in keys]

    def _take(self, key: str) -> Content | None:
        content = self._stored.pop(key, None)
        if content is None:
            return self._unstored.get(key)
        self._size -= _bytes(content)
        return content

    def _remember(self, content: Content) -> None:
        if content.sha256 not in self._stored:
            self._stored[content.sha256] = content
            self._size += _bytes(content)
        while self._size > self._capacity and len(self._stored) > 1:
            self._size -= _bytes(self._stored.popitem(last=False)[1])


def _bytes(content: Content) -> int:
    return len(content.pixels if isinstance(content, Image) else content.value) + 200


def retries_of(result: Result, experiment_id: str, stage: str, call: Call) -> list[Retry]:
    """What the record keeps of the repetitions that a call needed."""
    count = len(call.inputs)
    return [Retry(experiment_id, stage, call.spec.name, count, *attempt) for attempt in result.attempts]
