"""Programs that networks name: written in the experiment's file, or stored in the record.

An experiment keeps the definitions of all programs it uses with its configuration. What is later done to a stored
program never reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.errors import ConfigurationError, PanicError, UnknownModel
from panic_tda.models.catalogue import catalogue, look_up, nearest_names
from panic_tda.models.model import ModelSpec
from panic_tda.programs.definition import Definition
from panic_tda.programs.making import needed, program_spec
from panic_tda.programs.stored import check_name
from panic_tda.store.tables import experiments

StoredPrograms = Callable[[], Mapping[str, Definition]]
"""The programs of a record, read when a network names something that is no model."""


def no_programs() -> Mapping[str, Definition]:
    """Where there is no record."""
    return {}


class NamedPrograms:
    """Finds what a network names, and remembers which programs were needed. ``written`` come before stored ones."""

    def __init__(self, written: Mapping[str, Definition], stored: StoredPrograms) -> None:
        self._written, self._stored = written, stored
        self._all: dict[str, Definition] | None = None
        self._used: dict[str, Definition] = {}

    @property
    def used(self) -> dict[str, Definition]:
        """The programs that were found, and those that they name, by name."""
        return dict(sorted(self._used.items()))

    def find(self, name: str) -> ModelSpec:
        """The model or program of that name; raises ``UnknownModel``, or what is wrong with the program."""
        if name not in self._written and "@" not in name and (spec := look_up(name)):
            return spec
        known = self._known()
        if name not in known:
            raise UnknownModel(
                f"unknown model {name!r}", hint=nearest_names(name.partition("@")[0], [*catalogue(), *known])
            )
        spec = program_spec(name, known)
        self._used |= needed(name, known)
        return spec

    def _known(self) -> dict[str, Definition]:
        if self._all is None:
            self._all = {**self._stored(), **self._written}
        return self._all


def written_programs(entries: object, issues: list[tuple[str, str]]) -> dict[str, Definition]:
    """The definitions in a file. Of those that have the wrong shape the issues tell already."""
    found: dict[str, Definition] = {}
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        path = f"programs.{name}"
        if any(each == path or each.startswith(f"{path}.") for each, _ in issues):
            continue
        try:
            check_name(str(name))
            found[str(name)] = Definition.from_json(entry)
        except ConfigurationError as fault:
            issues.extend((path, issue if not fault.hint else f"{issue}; {fault.hint}") for issue in fault.issues)
        except PanicError as fault:
            issues.append((path, fault.message))
    return found


def unused(written: Iterable[str], used: Iterable[str]) -> list[tuple[str, str]]:
    """An issue for each program of a file that no network needs."""
    return [(f"programs.{name}", "is used by no network") for name in written if name not in set(used)]


def remember_programs(connection: Connection) -> None:
    """Lets the catalogue find every program that an experiment of the record was begun with."""
    for config in connection.execute(sa.select(experiments.c.config)).scalars():
        kept: Mapping[str, Any] = config.get("programs") or {}
        with suppress(PanicError):  # of another panic-tda: then it is a model that is not known here
            definitions = {name: Definition.from_json(entry) for name, entry in kept.items()}
            for name in definitions:
                program_spec(name, definitions)
