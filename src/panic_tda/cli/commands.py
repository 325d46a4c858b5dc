"""The commands by name. A command's file is imported when the command is used, so that none slows the others down."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

FILES = {
    "demo": "demo",
    "analyse": "analyse",
    "doctor": "doctor",
    "verify": "verify",
    "experiment": "experiment",
    "run": "run_noun",
    "model": "model",
    "program": "program",
    "version": "version",
    "finetune": "finetune",
    "cluster": "cluster",
    "generate": "generate",
    "embed": "embed",
    "similarity": "similarity",
    "serve": "serve",
    "export": "export",
    "import": "import_command",
    "config": "config",
}
"""The file of each command: it holds an ``app`` of subcommands, or a function of the command's name."""


class CommandsByName(UserDict[str, Any]):
    """Typer's commands; one that is still the name of a file is imported when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        if isinstance(found, str):
            found = self.data[name] = _imported(name, found)
        return found


class LateGroup(TyperGroup):
    """A group of the commands in ``FILES``, besides those that were added to it."""

    def __init__(self, *, commands: Any = None, **settings: Any) -> None:
        super().__init__(commands=commands, **settings)
        self.commands = CommandsByName({**self.commands, **FILES})

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in order."""
        return list(self.commands)


def _imported(name: str, file: str) -> Any:
    module = import_module(f"panic_tda.cli.{file}")
    alone = typer.Typer(add_completion=False)
    if subcommands := getattr(module, "app", None):
        alone.add_typer(subcommands, name=name)
    else:
        alone.command(name)(getattr(module, name if hasattr(module, name) else file))
    return typer.main.get_group(alone).commands[name]
