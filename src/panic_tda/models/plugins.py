"""What installed packages bring of their own: each names a tuple of entries in an entry point."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib import metadata
from typing import Protocol, TypeVar


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """What a user calls it."""
        ...


T = TypeVar("T", bound=Named)


def with_plugins(known: Mapping[str, T], group: str, kind: type[T]) -> dict[str, T]:
    """What is known and what the plug-ins of a group bring, by name.

    A plug-in that does not import, or brings something else or a name that is taken, is left out with a warning.
    """
    found = dict(known)
    for entry_point in metadata.entry_points(group=group):
        try:
            brought = {each.name: each for each in _checked(entry_point.load(), kind)}
            if taken := brought.keys() & found.keys():
                raise ValueError(f"the name {min(taken)} is taken")
        except Exception as fault:  # whatever a stranger's package raises must not stop the others
            warnings.warn(f"plug-in {entry_point.name} ({entry_point.value}) is left out: {fault}", stacklevel=3)
        else:
            found.update(brought)
    return found


def _checked(value: object, kind: type[T]) -> tuple[T, ...]:
    if not isinstance(value, (tuple, list)) or not all(isinstance(each, kind) for each in value):
        raise TypeError(f"it does not name a tuple of {kind.__name__}")
    return tuple(value)
