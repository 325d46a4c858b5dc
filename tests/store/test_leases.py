"""Leases: nothing belongs to two performers, everything to somebody in the end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.errors import RecordBusy
from panic_tda.store.database import Record
from panic_tda.store.leases import fair_share, give_back, lease
from panic_tda.store.performers import Performer, join, leave
from panic_tda.store.tables import leases, performers
from support.records import plant

ITEMS = [f"run {number}" for number in range(10)]


@pytest.fixture
def pair(record: Record) -> tuple[Performer, Performer]:
    """Two that perform the same experiment."""
    with record.writing() as connection:
        key, _ = plant(connection)
        both = Performer(key, 60), Performer(key, 60)
        for performer in both:
            join(connection, performer)
    return both


def has(record: Record, performer: Performer, items: list[str] = ITEMS, stage: str = "generate") -> list[str]:
    with record.writing() as connection:
        return lease(connection, performer, stage, items).items


def test_one_alone_has_everything(record: Record) -> None:
    with record.writing() as connection:
        performer = Performer(plant(connection)[0], 60)
        join(connection, performer)
    assert has(record, performer) == ITEMS
    assert has(record, performer) == ITEMS


def test_two_have_a_half_each_and_nothing_twice(record: Record, pair: tuple[Performer, Performer]) -> None:
    first, second = (has(record, performer) for performer in pair)
    assert (len(first), len(second)) == (5, 5)
    assert sorted(first + second) == sorted(ITEMS)


def test_stages_are_leased_apart(record: Record, pair: tuple[Performer, Performer]) -> None:
    assert has(record, pair[0], ["A"], "embed") == ["A"]
    assert has(record, pair[1], ["A"], "embed") == []
    assert has(record, pair[1], ["A"], "diagrams") == ["A"]


def test_one_that_joins_late_gets_what_the_other_gives_back(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        first, second = Performer(key, 60), Performer(key, 60)
        join(connection, first)
        lease(connection, first, "generate", ITEMS)
        join(connection, second)
        assert lease(connection, second, "generate", ITEMS).items == []
        share = lease(connection, first, "generate", ITEMS)
        assert (share.size, share.surplus) == (5, 5)
        give_back(connection, first, "generate", share.items[:5])
        give_back(connection, second, "generate", share.items[5:])  # not its own
        assert lease(connection, second, "generate", ITEMS).items == ITEMS[:5]


@pytest.mark.parametrize("how", ["left", "time ran out"])
def test_what_one_had_is_free_when_it_is_gone(record: Record, pair: tuple[Performer, Performer], how: str) -> None:
    first, second = pair
    has(record, first)
    with record.writing() as connection:
        if how == "left":
            leave(connection, first, "interrupted")
        else:
            ancient = datetime(2001, 1, 1, tzinfo=UTC)
            connection.execute(sa.update(performers).where(performers.c.id == first.id).values(expires_at=ancient))
    assert has(record, second) == ITEMS
    with pytest.raises(RecordBusy):
        has(record, first)


def test_no_item_can_belong_to_two(record: Record, pair: tuple[Performer, Performer]) -> None:
    has(record, pair[0], ["A"])
    row = {"experiment_id": pair[1].experiment_id, "stage": "generate", "item": "A", "performer_id": pair[1].id}
    with pytest.raises(sa.exc.IntegrityError), record.writing() as connection:
        connection.execute(sa.insert(leases), row)


@given(items=st.integers(0, 10_000), crew=st.integers(0, 50))
def test_shares_leave_nothing_over_and_are_no_larger_than_needed(items: int, crew: int) -> None:
    share = fair_share(items, crew)
    assert share * max(1, crew) >= items
    assert items == 0 or (share - 1) * max(1, crew) < items
