"""One request to a panic-tda server, and what its answer means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from panic_tda.errors import (
    ExecutionTimeout,
    ExecutorClosed,
    PanicError,
    PrerequisiteError,
    QueueFull,
    QueueTimeout,
    WorkerCrashed,
)
from panic_tda.models.endpoints import Endpoint
from panic_tda.models.remote.asking import Line
from panic_tda.models.remote.connection import TransientFault, UnreadableAnswer
from panic_tda.models.remote.pauses import Times, asked_pause_s
from panic_tda.runtime.remote.wire import decode_fault

TOKEN_VARIABLE = "PANIC_TDA_TOKEN"
_CONNECT_S = 10.0
_PASSING = (ExecutorClosed, QueueFull, QueueTimeout, WorkerCrashed)


class Client:
    """Requests to one server, from any thread; each is made again after faults that may pass."""

    def __init__(self, server: Endpoint, token: str, times: Times) -> None:
        """``timeout_s`` of the server is how long an answer may take."""
        import httpx2

        self._url = server.url
        self._times = times
        self._limit_s = server.timeout_s
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(server.timeout_s, connect=_CONNECT_S, pool=None),
            limits=httpx2.Limits(max_connections=server.concurrency),
            headers={"User-Agent": "panic-tda"} | ({"Authorization": f"Bearer {token}"} if token else {}),
            follow_redirects=False,
            # No proxy leads back to this machine; and certificates take a third of a second to read.
            trust_env=not server.on_this_machine,
            verify=not server.on_this_machine or server.url.startswith("https:"),
        )

    def close(self) -> None:
        """Closes what is open."""
        self._client.close()

    def ask(self, name: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON object that a request about a model is answered with; raises the typed error of the server.

        Raises ``EndpointUnavailable`` when it does not answer, ``InvalidOutput`` when what answers is no such server,
        and ``ExecutionTimeout`` when the answer takes too long, after which nothing is asked again.
        """
        return Line(name, self._url, self._times).ask(lambda: self._post(name, path, body))

    def _post(self, name: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        import httpx2

        try:
            response = self._client.post(self._url + path, json=body)
        except (httpx2.ReadTimeout, httpx2.WriteTimeout):
            raise ExecutionTimeout(
                f"{name}: {self._url} did not answer within {self._limit_s:g} s",
                hint="raise call_timeout in the settings",
            ) from None
        except httpx2.TransportError as fault:
            raise TransientFault(f"{type(fault).__name__}: {fault}"[:300]) from None
        answer = _parsed(response.content)
        if response.status_code == 200 and answer is not None:
            return answer
        raise self._fault(response, answer)

    def _fault(self, response: Any, answer: Mapping[str, Any] | None) -> Exception:
        """What an answer that is no success amounts to: a typed error, or something that may be better later."""
        said = answer.get("error") if answer else None
        status = response.status_code
        if status == 401:
            return PrerequisiteError(
                f"{self._url} wants a token", hint=f"export {TOKEN_VARIABLE}=… (the server prints it when it starts)"
            )
        typed = _typed(said)
        if typed is not None and not isinstance(typed, _PASSING):
            return typed
        if status >= 500 or status == 429 or typed is not None:
            asked = asked_pause_s(response.headers.get("Retry-After"), self._times.now())
            return TransientFault(typed.message if typed else f"status {status}", asked)
        return UnreadableAnswer(f"status {status}, not that of a panic-tda server")


def _typed(said: object) -> PanicError | None:
    """The error of panic-tda, if it is one of ours."""
    if not isinstance(said, dict) or not said.get("code"):
        return None
    return decode_fault({**said, "type": said["code"]})


def _parsed(data: bytes) -> Mapping[str, Any] | None:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None
