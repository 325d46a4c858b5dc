"""Work beside the test, on threads that do not keep a failing test from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


def beside(function: Callable[..., T], *arguments: Any) -> Future[T]:
    """Runs the function on a daemon thread."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as fault:
            future.set_exception(fault)

    threading.Thread(target=work, daemon=True).start()
    return future
