"""The command line: one file for each noun; parse, call, print."""

from __future__ import annotations

import atexit
import gc
import io
import sys
from collections.abc import Sequence

_FLAGS = ("--json", "--quiet", "--verbose")
_OPTIONS = ("--db", "--config")
_WITH_A_CONFIG_OF_THEIR_OWN = ("finetune",)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: runs a command, prints errors in one or two lines, and exits with their code.

    Without ``arguments``, those of the process, which is then taken to live for this command only.
    """
    if arguments is None:
        _spare_the_garbage_collector()
    from panic_tda.cli.app import run

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(globals_first(sys.argv[1:] if arguments is None else arguments)))


def _spare_the_garbage_collector() -> None:
    """Looks for garbage more rarely, and not at the end: what a command imports lives as long as the process does.

    Searching all of it again and again took a tenth of the time of a short command.
    """
    gc.set_threshold(50_000, 20)
    atexit.register(gc.freeze)


def globals_first(arguments: Sequence[str]) -> list[str]:
    """Moves the global options to the front, so that they may stand anywhere up to a ``--``.

    Behind a command that has a ``--config`` of its own, that option is left to it.
    """
    front: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif rest and rest[0] in _WITH_A_CONFIG_OF_THEIR_OWN and word.partition("=")[0] == "--config":
            rest.append(word)
        elif word in _FLAGS or word.startswith(tuple(f"{option}=" for option in _OPTIONS)):
            front.append(word)
        elif word in _OPTIONS:
            value = next(words, None)
            if value is None:  # the parser then says that the option needs an argument
                return [*front, word]
            front += [word, value]
        else:
            rest.append(word)
    return front + rest
