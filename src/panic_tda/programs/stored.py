"""The programs of a record: creating, finding, listing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from panic_tda.errors import RequestError
from panic_tda.models.catalogue import catalogue
from panic_tda.models.model import ModelSpec
from panic_tda.programs.definition import Definition
from panic_tda.programs.making import program_spec
from panic_tda.store import programs as rows


@dataclass(frozen=True, slots=True)
class Program:
    """A stored program: its name, its definition, and when it was stored."""

    name: str
    definition: Definition
    created_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Name, signature, strategy, model, parameters and time."""
        return {"name": self.name, **self.definition.to_json(), "created_at": self.created_at.isoformat()}


def create_program(connection: Connection, name: str, definition: Definition, *, replace: bool = False) -> ModelSpec:
    """Checks a definition with everything it names, stores it, and returns its entry as a model.

    ``replace`` puts it in the place of one of that name. Raises ``RequestError`` for a name that is taken or is none,
    and what :func:`~panic_tda.programs.making.program_spec` raises.
    """
    check_name(name)
    known = definitions(connection)
    if name in known and not replace:
        raise RequestError(f"there is a program {name} already", hint="delete it first, or replace it (--replace)")
    spec = program_spec(name, {**known, name: definition})
    rows.write_program(connection, name, definition.to_json())
    return spec


def check_name(name: str) -> None:
    """Raises ``RequestError`` for what cannot be the name of a program."""
    if not name.isidentifier():
        raise RequestError(f"{name!r} is no name for a program", hint="letters, digits and _, and no digit first")
    if name in catalogue():
        raise RequestError(f"the name {name} is taken by a model")


def find_program(connection: Connection, name: str) -> Program:
    """The program of that name; raises ``ProgramNotFound`` with the nearest names."""
    return _program(rows.find_program(connection, name))


def list_programs(connection: Connection) -> list[Program]:
    """Every program, by name."""
    return [_program(row) for row in rows.all_programs(connection)]


def definitions(connection: Connection) -> Mapping[str, Definition]:
    """The definition of every program, by name."""
    return {program.name: program.definition for program in list_programs(connection)}


def spec_of(connection: Connection, name: str) -> ModelSpec:
    """The entry of a stored program as a model; raises ``ProgramNotFound``."""
    rows.find_program(connection, name)
    return program_spec(name, definitions(connection))


def delete_program(connection: Connection, name: str) -> None:
    """Deletes a program; raises ``ProgramNotFound``. Experiments that were begun with it keep its definition."""
    rows.find_program(connection, name)
    rows.delete_program(connection, name)


def _program(row: Row[Any]) -> Program:
    """As it was checked when it was stored."""
    return Program(row.name, Definition(row.signature, row.strategy, row.model, row.parameters), row.created_at)
