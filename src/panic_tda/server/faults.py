"""Errors as answers, in the shape that OpenAI's clients know; ``code`` is the name of the error."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from panic_tda import errors
from panic_tda.errors import PanicError

_STATUS: dict[type[PanicError], int] = {
    errors.NotFound: 404,
    errors.ModelVersionChanged: 409,
    errors.RecordBusy: 409,
    errors.SessionLost: 410,
    errors.RequestError: 400,
    errors.ConstraintError: 422,
    errors.InvalidOutput: 422,
    errors.ModelCallFailed: 422,
    errors.InsanePreview: 422,
    errors.PrerequisiteError: 424,
    errors.ModelLoadError: 424,
    errors.InsufficientMemory: 424,
    errors.ExecutionTimeout: 504,
    errors.WorkerBusy: 503,
    errors.QueueFull: 503,
    errors.QueueTimeout: 503,
    errors.ExecutorClosed: 503,
    errors.EndpointUnavailable: 503,
    errors.RecordError: 503,
}
"""The nearest class of an error decides; 500 for all others."""

_SOON = (errors.WorkerBusy, errors.QueueFull, errors.QueueTimeout)
"""Errors after which the same request may be made again in a moment."""

_KINDS = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


def status_of(fault: PanicError) -> int:
    """The HTTP status of an error."""
    return next((_STATUS[kind] for kind in type(fault).__mro__ if kind in _STATUS), 500)


def shape(status: int, message: str, code: str | None = None, *, param: str | None = None, hint: str = "") -> Any:
    """The body of an answer that is an error."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    said = {"message": message, "type": kind, "param": param, "code": code, "hint": hint}
    return {"error": {name: _sendable(value) if value else value for name, value in said.items()}}


def _sendable(text: str) -> str:
    """Without lone surrogates, which a request may have brought, and which no answer can hold."""
    return text.encode("utf-8", "replace").decode()


def shape_of(fault: PanicError) -> Any:
    """The body for one of our errors."""
    return shape(status_of(fault), fault.message, type(fault).__name__, hint=fault.hint)


def _methods(request: Request) -> str:
    """What may be done at the path of a request; the router itself names the methods of one route only."""
    paths = request.app.openapi()["paths"]
    fitting = [methods for path, methods in paths.items() if compile_path(path)[0].match(request.url.path)]
    return ", ".join(sorted({method.upper() for methods in fitting[:1] for method in methods}))


def answer_faults(app: FastAPI) -> None:
    """Everything that a route raises on purpose, and what FastAPI refuses, becomes such an answer."""

    @app.exception_handler(PanicError)
    def _ours(_: Request, fault: PanicError) -> JSONResponse:
        again = {"Retry-After": "1"} if isinstance(fault, _SOON) else None
        return JSONResponse(shape_of(fault), status_of(fault), again)

    @app.exception_handler(HTTPException)
    def _of_http(request: Request, fault: HTTPException) -> JSONResponse:
        allowed = _methods(request) if fault.status_code == 405 else ""
        headers = {"Allow": allowed} if allowed else fault.headers
        return JSONResponse(shape(fault.status_code, str(fault.detail)), fault.status_code, headers)

    @app.exception_handler(RequestValidationError)
    def _of_the_body(_: Request, fault: RequestValidationError) -> JSONResponse:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        return JSONResponse(shape(400, message, param=place or None), 400)
