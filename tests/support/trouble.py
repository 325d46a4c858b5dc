"""A model that does to its process what its input says.

``pid`` answers the id of its process; ``print`` floods stdout and stderr; ``kill`` and ``exit`` end its process;
``sleep S`` takes S seconds; ``once PATH …`` does the rest only where the file PATH does not exist yet, and makes it;
``device`` loses its accelerator; ``image`` answers with 20 MB; ``odd`` with what cannot leave its process; ``more than
N`` runs out of memory with more than N inputs; ``meet FOLDER COUNT`` waits until COUNT processes are in the FOLDER, and
answers how often its own has loaded the model. Anything else is answered with itself and the seed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from panic_tda.content import Content, Image, Text
from panic_tda.errors import DeviceFault
from panic_tda.models.model import ModelSpec, Parameters, Placement
from support.models import fake_spec
from support.waiting import eventually

_loads = 0


def trouble_spec(name: str = "Trouble", **changes: Any) -> ModelSpec:
    """The catalogue entry of the model."""
    return fake_spec(name, loader="support.trouble:load", **changes)


class Trouble:
    """See the module."""

    def __init__(self, spec: ModelSpec) -> None:
        self._deadly = bool(spec.option("deadly", False))
        self._reads_parameters = bool(spec.option("parameters", False))

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Any]:
        """One outcome for each input."""
        if self._deadly:
            _die("")
        if self._reads_parameters:
            return [Text(str(dict(parameters))) for _ in inputs]
        return [
            _obey(content.value, seed, len(inputs)) if isinstance(content, Text) else content
            for content, seed in zip(inputs, seeds, strict=True)
        ]

    def close(self) -> None:
        """Nothing is held."""


def _obey(wish: str, seed: int, count: int) -> Any:
    word, _, rest = wish.partition(" ")
    if word == "once":
        path, _, rest = rest.partition(" ")
        if not Path(path).exists():
            Path(path).touch()
            return _obey(rest, seed, count)
    elif word == "more" and count > int(rest.removeprefix("than ")):
        raise MemoryError(f"{count} items do not fit")
    elif word in _DEEDS:
        return _DEEDS[word](rest)
    return Text(f"{wish} {seed}")


def _flood(_: str) -> Text:
    print("noise " * 20_000, flush=True)
    print("more noise " * 20_000, file=sys.stderr, flush=True)
    os.write(1, b"raw noise\n" * 1_000)
    return Text("quiet")


def _sleep(seconds: str) -> Text:
    time.sleep(float(seconds))
    return Text(f"slept {seconds}")


def _meet(rest: str) -> Text:
    folder, _, count = rest.rpartition(" ")
    Path(folder, str(os.getpid())).touch()
    assert eventually(lambda: len(list(Path(folder).iterdir())) >= int(count), seconds=60)
    return Text(str(_loads))


def _lose_the_device(_: str) -> Text:
    raise DeviceFault("CUDA error: device-side assert triggered")


def _die(_: str) -> None:
    print("these are my last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


_DEEDS: dict[str, Any] = {
    "pid": lambda _: Text(str(os.getpid())),
    "print": _flood,
    "sleep": _sleep,
    "kill": _die,
    "meet": _meet,
    "exit": lambda code: os._exit(int(code)),
    "device": _lose_the_device,
    "image": lambda _: Image(
        "RGB", 2600, 2600, bytes(range(256)) * (2600 * 2600 * 3 // 256) + bytes(2600 * 2600 * 3 % 256)
    ),
    "odd": lambda _: lambda: None,
}


def load(spec: ModelSpec, placement: Placement) -> Trouble:
    """The loader of the entry; one with the option ``slow`` loads so many seconds, a ``deadly`` one kills at once."""
    if mark := str(spec.option("mark")):
        Path(mark).touch()
    global _loads
    _loads += 1
    time.sleep(float(spec.option("slow", 0.0)))
    return Trouble(spec)
