"""Statements compiled once for all records of a test process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.util import LRUCache

_KEPT = 2_000


class _Compiled(LRUCache[Any, Any]):
    """Finds a statement by the names of database and driver; SQLAlchemy's keys begin with an engine's own dialect."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_for_all_engines(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_for_all_engines(key), value)


def _for_all_engines(key: Any) -> Any:
    dialect, *rest = key
    return (dialect.name, dialect.driver, *rest)


@contextmanager
def compiled_once() -> Iterator[None]:
    """Inside, all engines share what is compiled.

    A program opens one record and compiles each of its statements once. Tests open thousands.
    """
    compiled = _Compiled(_KEPT)

    def share(connection: sa.Connection) -> None:
        connection.execution_options(compiled_cache=compiled)

    sa.event.listen(sa.Engine, "engine_connect", share)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "engine_connect", share)
