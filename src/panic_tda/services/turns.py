"""Whose turn it is at a model that serves one request after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Turn:
    """Taken by one caller at a time. Who waits for it may change his mind."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False

    def take(self, is_wanted: Callable[[], bool] = lambda: True) -> bool:
        """Waits for the turn; False when it is not wanted any more, which is looked at after :meth:`look_again`."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._taken and is_wanted()))
            taken = is_wanted()
            self._taken |= taken
            return taken

    def leave(self) -> None:
        """Gives the turn to another."""
        with self._changed:
            self._taken = False
            self._changed.notify_all()

    def look_again(self) -> None:
        """Wakes whoever waits, to see whether it is still wanted."""
        with self._changed:
            self._changed.notify_all()
