"""A server that speaks the OpenAI shapes on the loopback interface, and fails in many ways when it is told to.

What it answers depends on the input and the seed alone, so answers can be foretold with :func:`chat_answer`,
:func:`painting` and :func:`embedding`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import numpy as np
from PIL import Image as pillow

from panic_tda.content import Image, Text, decode_image

DIMS = 8
CHAT, IMAGES, EMBEDDINGS = "/v1/chat/completions", "/v1/images/generations", "/v1/embeddings"
FORBIDDEN = "forbidden"
"""A text with this word in it is refused with status 400."""

Fault = Callable[["_Handler", dict[str, Any]], None]


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


def _happened() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class OpenAIServer:
    """``faults`` meet the next requests, one each; ``always`` meets every request. ``key`` is asked for when set."""

    key: str = ""
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    stop_at: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=_happened)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _connections: set[socket.socket] = field(default_factory=set)
    _http: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """What to name as ``--from``."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def paths(self) -> list[str]:
        """Where requests went, in their order."""
        return [each.path for each in self.asked]

    def start(self) -> None:
        """Listens on a free port, or again on the same one."""
        self.stopped.wait()
        self.stopped.clear()
        self.released.clear()
        server = self
        handler = type("Handler", (_Handler,), {"server_state": server})
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuses connections from now on, and breaks those that are open, as a crash would."""
        self.released.set()
        with self.lock:
            http, self._http = self._http, None
        if http is None:
            return
        http.shutdown()
        http.server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        assert self._thread is not None
        self._thread.join()
        self.stopped.set()

    def fail(self, *faults: Fault) -> None:
        """The next requests meet these faults, and what was asked before is forgotten."""
        self.asked.clear()
        self.faults = deque(faults)


@contextmanager
def serving(key: str = "") -> Iterator[OpenAIServer]:
    """A server while the block lasts."""
    server = OpenAIServer(key=key)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_state: OpenAIServer

    def setup(self) -> None:
        super().setup()
        self.server_state._connections.add(self.connection)

    def finish(self) -> None:
        self.server_state._connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:  # named by the base class
        state = self.server_state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.asked.append(Asked(self.path, dict(self.headers), body))
            fault = state.faults.popleft() if state.faults else state.always
            down = 0 < state.stop_at <= len(state.asked)
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            if down:
                self.close_connection = True
                threading.Thread(target=state.stop, daemon=True).start()
            elif fault is not None:
                with suppress(OSError):
                    fault(self, body)
            else:
                self._answer(body)
        finally:
            with state.lock:
                state.at_once -= 1

    def send(self, status: int, value: Any, **headers: str) -> None:
        """A JSON document, or bytes as they are."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status: int, message: str, **headers: str) -> None:
        """An error in the shape of OpenAI's."""
        self.send(status, {"error": {"message": message, "type": "invalid_request_error"}}, **headers)

    def _answer(self, body: dict[str, Any]) -> None:
        if self.server_state.key and self.headers.get("Authorization") != f"Bearer {self.server_state.key}":
            self.refuse(401, f"Incorrect API key provided: {self.headers.get('Authorization')}")
        elif FORBIDDEN in json.dumps(body):
            self.refuse(400, "this is against our policy")
        elif self.path not in _ANSWERS:
            self.refuse(404, f"no route {self.path}")
        elif body["model"] == "no-such-model":
            self.refuse(404, "The model `no-such-model` does not exist")
        else:
            self.send(200, _ANSWERS[self.path](body))


def chat_answer(content: str | Image, seed: int | None) -> str:
    """What the server says to a text or an image."""
    about = content.sha256 if isinstance(content, Image) else Text(content).sha256
    return f"answer {hashlib.sha256(f'{about} {seed}'.encode()).hexdigest()[:12]}"


def painting(prompt: str, seed: int | None, width: int, height: int) -> Image:
    """What the server paints: noise."""
    digest = hashlib.sha256(f"{prompt} {seed}".encode()).digest()
    pixels = np.random.default_rng(list(digest)).integers(0, 256, width * height * 3, dtype=np.uint8)
    return Image("RGB", width, height, pixels.tobytes())


def embedding(text: str, dims: int = DIMS) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vector the server makes, of length 3."""
    seed = list(hashlib.sha256(text.encode()).digest())
    vector = np.random.default_rng(seed).normal(size=dims)
    return (3 * vector / np.linalg.norm(vector)).astype(np.float32)


def choice(content: object, reason: str = "stop", **message: Any) -> dict[str, Any]:
    """An answer to a chat request."""
    spoken = {"role": "assistant", "content": content, **message}
    return {"object": "chat.completion", "choices": [{"index": 0, "message": spoken, "finish_reason": reason}]}


def _chat(body: dict[str, Any]) -> dict[str, Any]:
    content = body["messages"][-1]["content"]
    if isinstance(content, list):
        address = next(part["image_url"]["url"] for part in content if part["type"] == "image_url")
        content = decode_image(base64.b64decode(address.removeprefix("data:image/png;base64,"), validate=True))
    return choice(f"  {chat_answer(content, body.get('seed'))}\nand more\n")


def _images(body: dict[str, Any]) -> dict[str, Any]:
    width, height = map(int, body.get("size", "32x32").split("x"))
    buffer = io.BytesIO()
    painting(body["prompt"], body.get("seed"), width, height).to_pillow().save(buffer, "PNG")
    return {"created": 1, "data": [{"b64_json": base64.b64encode(buffer.getvalue()).decode()}]}


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    vectors = [embedding(text, body.get("dimensions", DIMS)) for text in body["input"]]
    packed = body.get("encoding_format") == "base64"
    rows = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.tobytes()).decode() if packed else vector.tolist(),
        }
        for index, vector in enumerate(vectors)
    ]
    return {"object": "list", "data": rows[::-1]}


_ANSWERS = {CHAT: _chat, IMAGES: _images, EMBEDDINGS: _embeddings}


def status(code: int, message: str = "out of order", **headers: str) -> Fault:
    """An error of that status."""
    return lambda handler, body: handler.refuse(code, message, **headers)


def answer(value: Any, code: int = 200) -> Fault:
    """Any answer: JSON, or bytes as they are."""
    return lambda handler, body: handler.send(code, value)


def hang(handler: _Handler, body: dict[str, Any]) -> None:
    """Says nothing until the server is stopped."""
    handler.server_state.released.wait()


def cut(handler: _Handler, body: dict[str, Any]) -> None:
    """Breaks the connection in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def drip(handler: _Handler, body: dict[str, Any]) -> None:
    """Sends a long body of white space, drop by drop."""
    handler.send_response(200)
    handler.send_header("Content-Length", "300")
    handler.end_headers()
    for _ in range(300):
        if not handler.server_state.released.wait(0.01):
            handler.wfile.write(b" ")


def flood(handler: _Handler, body: dict[str, Any]) -> None:
    """Sends a body of 2.6 MB."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    handler.wfile.write(40 * chunk + b"0\r\n\r\n")


def redirect(handler: _Handler, body: dict[str, Any]) -> None:
    """Names another place."""
    handler.send(307, b"", Location="http://elsewhere.example/v1/chat/completions")


def page(code: int) -> Fault:
    """A page for people."""
    return answer(b"<!DOCTYPE html><html><body>Bad gateway</body></html>", code)


def altered(change: Callable[[dict[str, Any]], None]) -> Fault:
    """The right answer, changed."""

    def fault(handler: _Handler, body: dict[str, Any]) -> None:
        right = _ANSWERS[handler.path](body)
        change(right)
        handler.send(200, right)

    return fault


def png(mode: str = "RGB", size: tuple[int, int] = (2, 2)) -> bytes:
    """A small file."""
    buffer = io.BytesIO()
    pillow.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


def first_embedding(answer: dict[str, Any]) -> dict[str, Any]:
    """The row of the first input."""
    return cast("dict[str, Any]", next(row for row in answer["data"] if row["index"] == 0))
