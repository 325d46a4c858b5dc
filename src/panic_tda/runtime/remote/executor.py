"""The executor that runs models at another panic-tda (``panic-tda serve``)."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec

from panic_tda.errors import ConfigurationError, ExecutorClosed, InvalidOutput, PrerequisiteError
from panic_tda.models.endpoints import Endpoint, checked_address
from panic_tda.models.model import ModelSpec
from panic_tda.models.remote.pauses import REAL_TIMES, Times
from panic_tda.runtime.metrics import Metrics, Snapshot
from panic_tda.runtime.remote.client import TOKEN_VARIABLE, Client
from panic_tda.runtime.remote.wire import decode_result, encode_call, require_version
from panic_tda.runtime.result import Call, Result, Timings
from panic_tda.settings import Settings

CONNECTIONS = 4
_LONGEST_S = 660.0
"""Seconds: a little more than a worker of the server has for a call."""


class RemoteExecutor:
    """Sends each call to a server, several at once. The same call always has the same result, so it may be repeated.

    Model versions must be equal on both sides. A server that does not answer is asked again, and left alone for a while
    after five failures; nothing is ever computed elsewhere instead.
    """

    name = "remote"

    def __init__(self, server: Endpoint, *, token: str = "", offline: bool = False, times: Times = REAL_TIMES) -> None:
        """``server`` says where, how many calls may be on their way, and how long one may take.

        Raises ``PrerequisiteError`` without the package httpx2, or when a network would be needed while ``offline``.
        """
        if find_spec("httpx2") is None:
            raise PrerequisiteError(
                "the Python package httpx2 is not installed", hint="pip install 'panic-tda[remote]'"
            )
        if offline and not server.on_this_machine:
            raise PrerequisiteError(f"models run at {server.url}, and the settings say offline")
        self._server = server
        self.workers = server.concurrency
        self.slots = 2 * server.concurrency
        self._client = Client(server, token, times)
        self._threads = ThreadPoolExecutor(server.concurrency, thread_name_prefix="panic-tda-remote")
        self._metrics = Metrics()
        self._changing = threading.Lock()
        self._closed = False
        self._waiting = 0
        self._asked: dict[str, int] = {}

    def submit(self, call: Call) -> Future[Result]:
        """See :class:`~panic_tda.runtime.executor.Executor`."""
        with self._changing:
            if self._closed:
                raise ExecutorClosed("the executor is closed")
            self._asked[call.spec.name] = call.spec.memory_bytes
            self._waiting += 1
            return self._threads.submit(self._serve, call, time.perf_counter())

    def check(self, spec: ModelSpec) -> None:
        """Asks the server whether it has this version of the model, and room for it."""
        self._client.ask(spec.name, "/v1/check", {"model": spec.name, "version": spec.version})

    def places(self, spec: ModelSpec) -> int:
        """How many calls may be on their way."""
        return self.workers

    def resident(self) -> frozenset[str]:
        """Names of the models that were asked for here; the server may have freed some of them since."""
        with self._changing:
            return frozenset(self._asked)

    def snapshot(self) -> Snapshot:
        """What was asked from here; the memory is the server's."""
        with self._changing:
            return Snapshot(self._metrics.models(), 0, self.workers, self._waiting, dict(self._asked))

    def close(self) -> None:
        """Waits for the calls in progress and drops the queued ones; the server keeps its models."""
        with self._changing:
            self._closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def _serve(self, call: Call, submitted: float) -> Result:
        with self._changing:
            self._waiting -= 1
        with self._metrics.of(call.spec) as answered:
            return answered(self._run(call, submitted))

    def _run(self, call: Call, submitted: float) -> Result:
        answer = self._client.ask(call.spec.name, "/v1/calls", encode_call(call))
        try:
            result = decode_result(answer)
        except (KeyError, TypeError, ValueError) as fault:
            raise InvalidOutput(f"{call.spec.name}: {self._server.url} sent no result ({fault})") from fault
        require_version(call.spec, result.model.partition("@")[2], self._server.url)
        if len(result.outputs) != len(call.inputs):
            raise InvalidOutput(f"{self._server.url} sent {len(result.outputs)} outputs for {len(call.inputs)} inputs")
        took = result.timings
        elsewhere = max(0.0, time.perf_counter() - submitted - took.load_s - took.run_s)
        worker = f"{self._server.host} {result.worker}"
        return replace(result, timings=Timings(elsewhere, took.load_s, took.run_s), worker=worker)


def remote_executor(settings: Settings) -> RemoteExecutor:
    """The executor for the server that the settings name; raises ``ConfigurationError`` when they name none."""
    if not settings.remote:
        raise ConfigurationError(
            ["the executor remote needs the address of a server"],
            hint='remote = "http://127.0.0.1:8420" in the settings',
        )
    server = Endpoint(
        checked_address(settings.remote),
        model="",
        concurrency=settings.workers or CONNECTIONS,
        timeout_s=float(settings.call_timeout or _LONGEST_S),
    )
    return RemoteExecutor(server, token=os.environ.get(TOKEN_VARIABLE, ""), offline=settings.offline)
