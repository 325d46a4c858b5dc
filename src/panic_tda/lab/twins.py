"""Twin runs: equal to another run but for one thing, the noise of one invocation or a few characters of the prompt.

What is changed is drawn from a hash of what it is drawn for and from nothing else, so an experiment that is performed
again, resumed or extended has the same twins, on every machine and with every version of the libraries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import comb
from string import ascii_lowercase, ascii_uppercase, digits

from panic_tda.content import Content, Image, Text
from panic_tda.lab.config import MAX_SEED

_COLOURS = 3
_BYTES_OF_A_DRAW = 8


def noise_seed(seed: int, step: int, number: int) -> int:
    """The seed that the invocation at ``step`` of noise twin ``number`` (0, 1, …) has in place of ``seed``.

    0 to 2³¹ − 2; never ``seed`` itself, and another one for each ``number`` below 2³¹ − 2.
    """
    (start,) = _draws(f"noise of seed {seed} at step {step}", 1)
    return (seed + 1 + (start + number) % (MAX_SEED - 1)) % MAX_SEED


def changeable(prompt: Content) -> int:
    """How much of a prompt can be changed: the letters and digits of a text, the pixels of an image."""
    if isinstance(prompt, Image):
        return prompt.width * prompt.height
    return len(_places(prompt.value))


def variety(prompt: Content, changes: int) -> int:
    """At least so many contents differ from a prompt in exactly ``changes`` places, by what may be changed there."""
    places = changeable(prompt)
    if changes > places:
        return 0
    # More than three places only add to what is found already; the whole number would have millions of digits.
    of_places = comb(places, min(changes, places - changes, 3))
    if isinstance(prompt, Image):
        return of_places
    least: int = min(len(_others(prompt.value[place])) for place in _places(prompt.value))
    choices: int = least ** min(changes, 3)
    return of_places * choices


def changed_prompts(prompt: Content, changes: int, count: int) -> tuple[Content, ...]:
    """``count`` different contents, each unlike the prompt in exactly ``changes`` places; see :func:`changed_prompt`.

    ``variety(prompt, changes)`` must be at least ``count``; the first ones do not depend on it.
    """
    found: dict[str, Content] = {}
    draw = 0
    while len(found) < count:
        content = changed_prompt(prompt, changes, draw)
        found.setdefault(content.sha256, content)
        draw += 1
    return tuple(found.values())


def changed_prompt(prompt: Content, changes: int, draw: int) -> Content:
    """A prompt with ``changes`` places changed, the same ones for the same ``draw``.

    In a text a letter becomes another letter, a capital another capital, a digit another digit. In an image a pixel
    becomes brighter or darker by one level in each colour.
    """
    numbers = _draws(f"{changes} changes of {prompt.sha256}, draw {draw}", 2 * changes)
    if isinstance(prompt, Image):
        chosen = _chosen(numbers[:changes], prompt.width * prompt.height)
        return _other_pixels(prompt, chosen, numbers[changes:])
    places = _places(prompt.value)
    chosen = [places[index] for index in _chosen(numbers[:changes], len(places))]
    return _other_characters(prompt, chosen, numbers[changes:])


def _other_characters(text: Text, places: Sequence[int], numbers: Sequence[int]) -> Text:
    characters = list(text.value)
    for place, number in zip(places, numbers, strict=True):
        others = _others(characters[place])
        characters[place] = others[number % len(others)]
    return Text("".join(characters))


def _others(character: str) -> str:
    """What a character may become."""
    alphabet = digits if character.isdecimal() else ascii_uppercase if character.isupper() else ascii_lowercase
    return alphabet.replace(character, "")


def _places(text: str) -> list[int]:
    return [place for place, character in enumerate(text) if character.isalnum()]


def _other_pixels(image: Image, places: Sequence[int], numbers: Sequence[int]) -> Image:
    pixels = bytearray(image.pixels)
    channels = len(image.mode)
    for place, number in zip(places, numbers, strict=True):
        for at in range(place * channels, place * channels + _COLOURS):
            step = 1 if number % 2 else -1
            pixels[at] += step if 0 <= pixels[at] + step <= 255 else -step
    return Image(image.mode, image.width, image.height, bytes(pixels))


def _chosen(numbers: Sequence[int], size: int) -> list[int]:
    """As many different indices below ``size`` as there are numbers: the first steps of a Fisher-Yates shuffle."""
    moved: dict[int, int] = {}
    chosen = []
    for index, number in enumerate(numbers):
        other = index + number % (size - index)
        chosen.append(moved.get(other, other))
        moved[other] = moved.get(index, index)
    return chosen


def _draws(name: str, count: int) -> list[int]:
    stream = hashlib.shake_256(name.encode()).digest(_BYTES_OF_A_DRAW * count)
    starts = range(0, len(stream), _BYTES_OF_A_DRAW)
    return [int.from_bytes(stream[start : start + _BYTES_OF_A_DRAW], "big") for start in starts]
