"""One request to a server that speaks the OpenAI shapes, and what its answer means.

httpx2 does it directly: redirects are never followed (the key would go with them), bodies are read up to a limit, and
headers hold the key and nothing else of this machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from panic_tda.errors import ModelCallFailed, ModelError, ModelLoadError, PrerequisiteError
from panic_tda.models.model import ModelSpec
from panic_tda.models.reaching import check_reachable
from panic_tda.models.remote.pauses import Times, asked_pause_s

LARGEST_ANSWER = 64 * 2**20
"""Bytes."""

_CONNECT_S = 10.0
_TRANSIENT = (408, 409, 429)
_NOT_THERE = (404, 405, 410)
_LONGEST_QUOTE = 200


class TransientFault(Exception):
    """The server may answer the same request later; ``asked_s`` is how long it wants to be left alone."""

    def __init__(self, reason: str, asked_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.asked_s = asked_s


class UnreadableAnswer(Exception):
    """What came is no answer of such a server at all, and asking again would not help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Connection:
    """Requests for one model, from any thread."""

    def __init__(self, spec: ModelSpec, times: Times) -> None:
        import httpx2

        assert spec.endpoint is not None
        self._spec = spec
        self._endpoint = spec.endpoint
        self._times = times
        seconds = self._endpoint.timeout_s
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(seconds, connect=min(_CONNECT_S, seconds), pool=None),
            limits=httpx2.Limits(max_connections=self._endpoint.concurrency),
            headers={"User-Agent": "panic-tda"},
            follow_redirects=False,
            # No proxy leads back to this machine; and certificates take a third of a second to read.
            trust_env=not self._endpoint.on_this_machine,
            verify=not self._endpoint.on_this_machine or self._endpoint.url.startswith("https:"),
        )

    def close(self) -> None:
        """Closes what is open."""
        self._client.close()

    def key(self) -> str:
        """The key, read anew each time; raises ``PrerequisiteError`` when there is none, or when offline."""
        check_reachable(self._spec)
        key = os.environ[self._endpoint.key_env].strip() if self._endpoint.key_env else ""
        if not (key.isascii() and key.isprintable()):
            raise PrerequisiteError(
                f"{self._spec.name}: what the environment variable {self._endpoint.key_env} holds is no key",
                hint="a key is one line of ASCII characters",
            )
        return key

    def post(self, path: str, body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """The JSON object that a request is answered with.

        Raises ``TransientFault`` for what may be better later, ``UnreadableAnswer`` for what no such server says, and
        a ``ModelError`` for what it says about this model or this input.
        """
        import httpx2

        url = f"{self._endpoint.url}{path}"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            with self._client.stream("POST", url, json=body, headers=headers) as response:
                return self._understood(response, self._read(response), url, key)
        except httpx2.TimeoutException:
            raise self._too_late() from None
        except (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.ProxyError) as fault:
            raise TransientFault(_line(f"{type(fault).__name__}: {fault}", key)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
            raise UnreadableAnswer(_line(f"{type(fault).__name__}: {fault}", key)) from None

    def _read(self, response: Any) -> bytes:
        """The whole body; a server that sends it drop by drop does not get more time than one that is silent."""
        deadline = self._times.clock() + self._endpoint.timeout_s
        data = bytearray()
        for piece in response.iter_bytes():
            data += piece
            if len(data) > LARGEST_ANSWER:
                raise UnreadableAnswer(f"more than {LARGEST_ANSWER:,} bytes")
            if self._times.clock() > deadline:
                raise self._too_late()
        return bytes(data)

    def _too_late(self) -> TransientFault:
        return TransientFault(f"no answer within {self._endpoint.timeout_s:g} s")

    def _understood(self, response: Any, data: bytes, url: str, key: str) -> Mapping[str, Any]:
        status = response.status_code
        if 200 <= status < 300:
            return self._parsed(data, key)
        said = _said(data, key)
        if status in _TRANSIENT or status >= 500:
            asked = asked_pause_s(response.headers.get("Retry-After"), self._times.now())
            raise TransientFault(f"status {status}: {said}", asked)
        raise self._refusal(status, url, _line(response.headers.get("Location", ""), key) or said)

    def _parsed(self, data: bytes, key: str) -> Mapping[str, Any]:
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise UnreadableAnswer(f"not a JSON object but {_said(data, key)}")
        if answer.get("error"):
            raise ModelCallFailed(f"{self._spec.name}: {self._endpoint.host} says: {_said(data, key)}")
        return answer

    def _refusal(self, status: int, url: str, said: str) -> ModelError:
        name, variable = self._spec.name, self._endpoint.key_env
        if status in (401, 403):
            what = f"the key in {variable}" if variable else "requests without a key"
            return PrerequisiteError(
                f"{name}: {self._endpoint.url} refuses {what} ({status}: {said})",
                hint=f"export {variable}=…" if variable else "panic-tda model add … --option key_env=VARIABLE",
            )
        if status in _NOT_THERE:
            return ModelLoadError(
                f"{name}: {url} is not there, or does not know the model {self._endpoint.model!r} ({status}: {said})",
                hint="check address and model: panic-tda model add … --from https://HOST/v1 --option model=…",
            )
        if status < 400:
            return ModelLoadError(
                f"{name}: {url} is not there, but at {said} ({status}); redirects are not followed",
                hint="if that is the right place, name it: panic-tda model add … --from ADDRESS",
            )
        return ModelCallFailed(f"{name}: {self._endpoint.host} refused this input ({status}: {said})")


def _said(data: bytes, key: str) -> str:
    """What the body of an error says, in one short line."""
    text = data[:65_536].decode("utf-8", "replace")
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "an HTML page" if text.lstrip().startswith("<") else _line(text, key) or "nothing"
    for name in ("error", "message", "detail"):
        found = found[name] if isinstance(found, dict) and found.get(name) else found
    return _line(found if isinstance(found, str) else json.dumps(found), key)


def _line(text: str, key: str) -> str:
    """The text in one short line, without the key, which some servers and libraries repeat."""
    shown = text.replace(key, "[key]") if key else text
    line = " ".join("".join(character if character.isprintable() else " " for character in shown).split())
    return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 1]}…"
