"""Models whose regimes are planted: what the analyses of their runs must find is known.

A text holds a place, eight coordinates after a word for what it does; the prompt ``basin 3`` begins in basin 3 of six.

- ``Settling`` goes three tenths of the way to its basin at each step; places are rounded, so it comes to rest exactly.
- ``Hopping`` stays near a basin and changes it with probability 1 / ``STAY``: to the prompt's own one time in two,
  to any other otherwise; no place is ever visited twice.
- ``Wandering`` goes a small random step on the sphere and belongs nowhere.

``Places`` is the embedder: the place, turned into 768 dims by a fixed rotation, with a little noise of the text.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from panic_tda.content import Content, Text
from panic_tda.errors import ModelError
from panic_tda.models.catalogue import catalogue
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.signature import Signature

BASINS = 6
STAY = 20.0
"""Mean number of steps that ``Hopping`` stays in a basin before it draws the next one, which may be the same."""

_COORDINATES = 8
_DIMS = 768
_NOISE = 0.05

Place = list[float]
Move = Callable[[int, Place, random.Random], Place]


def plant() -> None:
    """Puts the planted models into the catalogue of this process."""
    catalogue().update({spec.name: spec for spec in MODELS})


def settling(home: int, place: Place, chance: random.Random) -> Place:
    """Three tenths of the way to the home basin."""
    return [was + 0.3 * (goal - was) for was, goal in zip(place, _centre(home), strict=True)]


def hopping(home: int, place: Place, chance: random.Random) -> Place:
    """Somewhere near the basin it is in, or near another one."""
    basin = max(range(BASINS), key=lambda each: place[each])
    if chance.random() < 1 / STAY:
        basin = home if chance.random() < 0.5 else chance.randrange(BASINS)
    return [goal + chance.gauss(0.0, 0.08) for goal in _centre(basin)]


def wandering(home: int, place: Place, chance: random.Random) -> Place:
    """A small step on the sphere."""
    moved = [was + chance.gauss(0.0, 0.12) for was in place]
    length = sum(value * value for value in moved) ** 0.5
    return [value / length for value in moved]


_MOVES: dict[str, Move] = {"Settling": settling, "Hopping": hopping, "Wandering": wandering}


class Mover:
    """A generator that moves the place in a text."""

    def __init__(self, word: str, move: Move) -> None:
        self._word, self._move = word, move

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> Sequence[Content | ModelError]:
        """One text for each text."""
        return [self._next(cast("Text", given).value, seed) for given, seed in zip(inputs, seeds, strict=True)]

    def close(self) -> None:
        """Nothing to free."""

    def _next(self, text: str, seed: int) -> Text:
        chance = random.Random(f"{seed} {text}")
        home, place = _read(text, chance)
        moved = " ".join(f"{value:.4f}" for value in self._move(home, place, chance))
        return Text(f"{self._word} {home} {moved}")


class Places:
    """The embedder of these texts."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._rotation = np.linalg.qr(rng.normal(size=(_DIMS, _COORDINATES)))[0]

    def embed(self, inputs: Sequence[Content]) -> Sequence[NDArray[np.float32] | ModelError]:
        """One unit vector for each text."""
        return [self._vector(cast("Text", given).value) for given in inputs]

    def close(self) -> None:
        """Nothing to free."""

    def _vector(self, text: str) -> NDArray[np.float32]:
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))
        _, place = _read(text, random.Random(0))
        vector = self._rotation @ np.array(place) + _NOISE / np.sqrt(_DIMS) * rng.normal(size=_DIMS)
        unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
        return unit


def load(spec: ModelSpec, placement: Placement) -> Mover | Places:
    """The planted model of that name."""
    return Places() if spec.name == "Places" else Mover(spec.name.lower(), _MOVES[spec.name])


def _read(text: str, chance: random.Random) -> tuple[int, Place]:
    """Home basin and place; a prompt begins near its basin, a little off by the seed."""
    word, home, *numbers = text.split()
    if word == "basin":
        return int(home), [goal + chance.gauss(0.0, 0.3) for goal in _centre(int(home))]
    return int(home), [float(number) for number in numbers]


def _centre(basin: int) -> Place:
    return [1.0 if index == basin else 0.0 for index in range(_COORDINATES)]


def _spec(name: str, signature: str, summary: str) -> ModelSpec:
    return ModelSpec(
        name=name,
        family="dummy",
        signature=Signature.parse(signature),
        summary=summary,
        loader="truths.planted:load",
        licence="MIT",
        source="panic-tda",
        twin="benchmarks/truths/planted.py",
        memory_bytes=1_000_000,
        dims=_DIMS if signature.endswith("vector") else None,
        batch_size=512,
        synthetic=True,
    )


MODELS = (
    _spec("Settling", "text -> text", "comes to rest in the prompt's basin"),
    _spec("Hopping", "text -> text", "hops between basins"),
    _spec("Wandering", "text -> text", "walks on the sphere"),
    _spec("Places", "text -> vector", "the place a text holds"),
)
