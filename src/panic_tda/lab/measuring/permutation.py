"""The neighbour-permutation proof: does a result depend on anything but its own item?

The same items are computed alone, in batches of several sizes, in another order, beside other neighbours, and beside
neighbours with other seeds; what comes out is compared bit for bit. A difference refutes a tier. That none was seen
is evidence for these inputs and sizes, as strong as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

from panic_tda.content import Content
from panic_tda.models.model import ModelSpec, Tier
from panic_tda.signature import Kind

Ask: TypeAlias = Callable[[Sequence[Content], Sequence[int]], list[str]]
"""Computes a batch of items with their seeds, and gives what identifies the bits of each result."""

_OTHER = 1_000


class Proof(NamedTuple):
    """The strongest tier that was not refuted, what refuted the stronger ones, and whether seeds change anything."""

    tier: Tier
    reason: str
    seeds_matter: bool


def prove(ask: Ask, items: Sequence[Content], *, batch: int, draws: bool) -> Proof:
    """Tries the items, which should be different ones, in batches of up to ``batch``, which is at least their number.

    ``draws`` says that the model is expected to draw from its seeds. Such a model is ``free`` when seeds change
    nothing: whatever it draws comes from elsewhere.
    """
    seeds = range(1, len(items) + 1)
    together = ask(items, seeds)
    changed = [_beside_other_seeds(ask, items, seeds, kept) for kept in (0, 1)]
    seeds_matter = any(other[at] != together[at] for kept, other in enumerate(changed) for at in _others(items, kept))
    if reason := _not_repeated(ask, items, seeds, together):
        return Proof(Tier.FREE, reason, seeds_matter)
    if any(other[at] != together[at] for kept, other in enumerate(changed) for at in range(kept, len(items), 2)):
        return Proof(Tier.FREE, "the seed of a neighbour changes the result of an item", seeds_matter)
    if draws and not seeds_matter:
        return Proof(Tier.FREE, "the seed changes nothing, though the model is one that draws", seeds_matter)
    reason = _neighbours_seen(ask, items, seeds, batch, together)
    return Proof(Tier.SEEDED if reason else Tier.EXACT, reason, seeds_matter)


def draws_from_seeds(spec: ModelSpec) -> bool:
    """Whether a model is expected to draw: it paints, or it samples at its default temperature."""
    paints = spec.signature.output is Kind.IMAGE
    return paints or any(each.name == "temperature" and float(each.default) > 0 for each in spec.parameters)


def _beside_other_seeds(ask: Ask, items: Sequence[Content], seeds: Sequence[int], kept: int) -> list[str]:
    """The batch with the seeds of every second item, from ``kept`` on, as they were, and other ones between them."""
    return ask(items, [seed if at % 2 == kept else seed + _OTHER for at, seed in enumerate(seeds)])


def _others(items: Sequence[Content], kept: int) -> range:
    return range(1 - kept, len(items), 2)


def _not_repeated(ask: Ask, items: Sequence[Content], seeds: Sequence[int], together: list[str]) -> str:
    if ask(items, seeds) != together:
        return "the same batch with the same seeds gives other results the second time"
    if ask(items[:1], seeds[:1]) != ask(items[:1], seeds[:1]):
        return "the same item alone with the same seed gives another result the second time"
    return ""


def _neighbours_seen(ask: Ask, items: Sequence[Content], seeds: Sequence[int], batch: int, together: list[str]) -> str:
    """Where an item's result differs from what it is alone; empty when nowhere."""
    alone = [ask([item], [seed])[0] for item, seed in zip(items, seeds, strict=True)]
    if together != alone:
        return f"in a batch of {len(items)} an item gives another result than alone"
    if ask(items[::-1], seeds[::-1])[::-1] != alone:
        return "the order of a batch changes the result of an item"
    if len(items) > 1 and _in_pairs(ask, items, seeds) != alone:
        return "in a batch of 2 an item gives another result than alone"
    for size in sorted({len(items) + 1, batch}):
        if len(items) < size <= batch and _among_strangers(ask, items, seeds, size) != alone:
            return f"in a batch of {size} an item gives another result than alone"
    return ""


def _in_pairs(ask: Ask, items: Sequence[Content], seeds: Sequence[int]) -> list[str]:
    """Each item beside the one that follows it, which has another seed."""
    following = [*items[1:], items[0]]
    return [
        ask([item, neighbour], [seed, seed + _OTHER])[0]
        for item, neighbour, seed in zip(items, following, seeds, strict=True)
    ]


def _among_strangers(ask: Ask, items: Sequence[Content], seeds: Sequence[int], size: int) -> list[str]:
    """The items at the end of a batch that begins with the same contents under other seeds."""
    strangers = size - len(items)
    contents = [items[at % len(items)] for at in range(strangers)]
    found = ask([*contents, *items], list(chain(range(_OTHER, _OTHER + strangers), seeds)))
    return found[strangers:]
