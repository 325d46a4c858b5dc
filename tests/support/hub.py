"""A hub of one repository on the loopback interface, as far as ``huggingface_hub`` asks it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

COMMIT = "abcdef0123456789abcdef0123456789abcdef01"


class Reply(NamedTuple):
    """What a request is answered with."""

    code: int
    body: bytes
    headers: Mapping[str, str]


class Hub(ThreadingHTTPServer):
    """A server that knows one repository; a gated one refuses everybody."""

    def __init__(self, repository: str, files: Mapping[str, bytes], *, gated: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self._repository = repository
        self._files = files
        self._gated = gated

    def reply(self, path: str) -> Reply:
        """The answer to a request for a path."""
        if self._gated:
            return Reply(403, b"{}", {"X-Error-Code": "GatedRepo"})
        name = path.removeprefix(f"/{self._repository}/resolve/{COMMIT}/")
        if name in self._files:
            tag = hashlib.sha1(self._files[name]).hexdigest()
            return Reply(200, self._files[name], {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})
        if path.startswith(f"/api/models/{self._repository}/tree/"):
            return _json([{"type": "file", "path": n, "size": len(d), "oid": "0" * 40} for n, d in self._files.items()])
        if path.startswith(f"/api/models/{self._repository}"):
            siblings = [{"rfilename": n, "size": len(d)} for n, d in self._files.items()]
            return _json({"id": self._repository, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []})
        return Reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})


class _Requests(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        """Headers only."""
        self._send()

    def do_GET(self) -> None:
        """Headers and body."""
        self.wfile.write(self._send())

    def _send(self) -> bytes:
        hub = self.server
        assert isinstance(hub, Hub)
        reply = hub.reply(self.path.partition("?")[0])
        self.send_response(reply.code)
        for key, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(key, value)
        self.end_headers()
        return reply.body


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


@contextmanager
def serving(repository: str, files: Mapping[str, bytes], *, gated: bool = False) -> Iterator[str]:
    """The address of a hub that has these files."""
    with Hub(repository, files, gated=gated) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
