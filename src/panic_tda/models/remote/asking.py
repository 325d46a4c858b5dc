"""Asking a server until it answers: retries with pauses that grow, behind the circuit breaker of its address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from panic_tda.errors import EndpointUnavailable, InvalidOutput, ModelError, PanicError
from panic_tda.models.model import ModelSpec
from panic_tda.models.remote import pauses
from panic_tda.models.remote.breaker import Breaker, Refusal
from panic_tda.models.remote.connection import Connection, TransientFault, UnreadableAnswer
from panic_tda.models.remote.pauses import LONGEST_PAUSE_S, RETRIES, Times, pause_s

_WHEN_IT_ANSWERS = "when it answers again: panic-tda experiment resume --retry-failed"

T = TypeVar("T")


@cache
def breaker_of(url: str, clock: Callable[[], float]) -> Breaker:
    """The breaker that all models at an address share."""
    return Breaker(clock)


class Line:
    """A server behind its circuit breaker: whatever is asked of it is asked again after faults that may pass."""

    def __init__(self, name: str, url: str, times: Times) -> None:
        """``name`` is who asks, for messages."""
        self._name = name
        self._url = url
        self._times = times
        self._breaker = breaker_of(url, times.clock)

    def ask(self, request: Callable[[], T]) -> T:
        """What the request returns, after up to three retries; each is the same request with the same seed.

        A request raises ``TransientFault`` for what may be better later and ``UnreadableAnswer`` for what is no answer.
        Raises ``EndpointUnavailable``, without a request while the breaker is open, ``InvalidOutput``, or the
        ``PanicError`` that the answer amounts to.
        """
        admitted = self._breaker.admit()
        if isinstance(admitted, Refusal):
            raise self._left_alone(admitted)
        failure = "the request was given up"
        try:
            answer = self._persistently(request)
            failure = ""
        except TransientFault as fault:
            failure = fault.reason
            raise EndpointUnavailable(
                f"{self._name}: {self._url} does not answer ({fault.reason})", hint=_WHEN_IT_ANSWERS
            ) from None
        except UnreadableAnswer as fault:
            failure = fault.reason
            raise InvalidOutput(f"{self._name}: the answer of {self._url} is {fault.reason}") from None
        except PanicError:
            failure = ""  # it answered, if not as hoped for
            raise
        finally:
            self._breaker.fail(admitted, failure) if failure else self._breaker.succeed(admitted)
        return answer

    def _persistently(self, request: Callable[[], T]) -> T:
        for retry in range(RETRIES):
            try:
                return request()
            except TransientFault as fault:
                if fault.asked_s > LONGEST_PAUSE_S:
                    wish = f"it asks to be left alone for {fault.asked_s:.0f} s"
                    raise TransientFault(f"{fault.reason}; {wish}") from None
                if self._breaker.is_open:
                    raise
                self._times.sleep(pause_s(retry, self._times.draw(), fault.asked_s))
        return request()

    def _left_alone(self, refusal: Refusal) -> EndpointUnavailable:
        now = self._times.now()
        since, again = now - timedelta(seconds=refusal.open_for_s), now + timedelta(seconds=refusal.again_in_s)
        return EndpointUnavailable(
            f"{self._name}: {self._url} has not answered since {since:%H:%M:%S} UTC ({refusal.reason}) and is "
            f"left alone until {again:%H:%M:%S} UTC",
            hint=_WHEN_IT_ANSWERS,
        )


class Asking:
    """Requests for one model: a bounded number at once, each made again after faults that may pass."""

    def __init__(self, spec: ModelSpec, connection: Connection, times: Times) -> None:
        assert spec.endpoint is not None
        self._connection = connection
        self._line = Line(spec.name, spec.endpoint.url, times)
        self._threads = ThreadPoolExecutor(spec.endpoint.concurrency, thread_name_prefix="panic-tda-request")

    def close(self) -> None:
        """Waits for requests on their way, and closes the connections."""
        self._threads.shutdown()
        self._connection.close()

    def each(self, answer: Callable[..., T], *items: Iterable[Any]) -> list[T | ModelError]:
        """What ``answer`` makes of each tuple of items, in their order; the ``ModelError`` it raises where it does."""

        def outcome(*given: Any) -> T | ModelError:
            try:
                return answer(*given)
            except ModelError as fault:
                return fault

        return list(self._threads.map(outcome, *items))

    def ask(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request; raises what :meth:`Line.ask` raises, and ``PrerequisiteError`` without a key."""
        key = self._connection.key()
        return self._line.ask(lambda: self._connection.post(path, body, key))


def asking(spec: ModelSpec) -> Asking:
    """What a family's ``load`` needs; raises ``PrerequisiteError`` when offline or without the key."""
    times = pauses.REAL_TIMES
    connection = Connection(spec, times)
    connection.key()
    return Asking(spec, connection, times)
