"""Which tier survives the permutation proof, for models whose faults are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from panic_tda.content import Content
from panic_tda.lab.measuring.permutation import Proof, draws_from_seeds, prove
from panic_tda.models.catalogue import find
from panic_tda.models.model import Placement, Tier
from support.contents import numbered, texts
from support.heavy_models import HeavyModel, heavy_spec, load

Fault: TypeAlias = Callable[[Sequence[Content], int], bool]


def proof(*, draws: bool = True, minds: str = "", deaf: bool = False) -> Proof:
    model: HeavyModel = load(heavy_spec(minds=minds, deaf=deaf), Placement())

    def ask(items: Sequence[Content], seeds: Sequence[int]) -> list[str]:
        return [text.value for text in model.generate(items, seeds, {})]

    return prove(ask, numbered(3), batch=8, draws=draws)


def test_a_model_that_minds_its_item_alone_is_exact() -> None:
    assert proof() == Proof(Tier.EXACT, "", True)


def test_a_model_that_minds_its_neighbours_is_seeded() -> None:
    assert proof(minds="neighbours") == Proof(
        Tier.SEEDED, "in a batch of 3 an item gives another result than alone", True
    )


@pytest.mark.parametrize(
    ("minds", "reason"),
    [
        ("first seed", "the seed of a neighbour changes the result of an item"),
        ("chance", "the same batch with the same seeds gives other results the second time"),
    ],
)
def test_a_model_that_minds_other_seeds_or_chance_is_free(minds: str, reason: str) -> None:
    assert proof(minds=minds) == Proof(Tier.FREE, reason, True)


def test_a_model_that_should_draw_and_does_not_hear_its_seed_is_free() -> None:
    found = proof(deaf=True)
    assert (found.tier, found.seeds_matter) == (Tier.FREE, False)
    assert found.reason.startswith("the seed changes nothing")
    assert proof(deaf=True, draws=False) == Proof(Tier.EXACT, "", False)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda items, _: len(items) == 2, "in a batch of 2"),
        (lambda items, _: len(items) == 4, "in a batch of 4"),
        (lambda items, _: len(items) == 8, "in a batch of 8"),
        (lambda items, at: len(items) == 3 and at == 0 and items[0] == numbered(3)[2], "the order of a batch"),
    ],
)
def test_every_batch_size_and_order_is_tried(fault: Fault, reason: str) -> None:
    def ask(items: Sequence[Content], seeds: Sequence[int]) -> list[str]:
        return [
            f"{item.sha256} {seed} {fault(items, at)}" for at, (item, seed) in enumerate(zip(items, seeds, strict=True))
        ]

    found = prove(ask, numbered(3), batch=8, draws=True)
    assert found.tier is Tier.SEEDED
    assert found.reason.startswith(reason)


def test_what_happens_only_to_a_single_item_is_seen() -> None:
    rounds = iter(range(1_000))

    def ask(items: Sequence[Content], seeds: Sequence[int]) -> list[str]:
        return [
            f"{item.sha256} {seed} {next(rounds) if len(items) == 1 else ''}"
            for item, seed in zip(items, seeds, strict=True)
        ]

    found = prove(ask, texts("a", "b"), batch=2, draws=False)
    assert (found.tier, found.reason) == (
        Tier.FREE,
        "the same item alone with the same seed gives another result the second time",
    )


@pytest.mark.parametrize(
    ("name", "draws"),
    [
        ("SDXLTurbo", True),
        ("SmolLM2", True),
        ("BLIP2", True),
        ("Florence2", False),
        ("Qwen25VL", False),
        ("CLIP", False),
    ],
)
def test_painters_and_samplers_are_expected_to_draw(name: str, draws: bool) -> None:
    assert draws_from_seeds(find(name)) is draws
