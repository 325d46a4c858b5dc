"""Eight processes write to one file, one reads and one copies it: ``make crash`` does it with 500 batches each."""

from __future__ import annotations

from crash.writers import write_together
from support.nursery import Nursery


def test_eight_writers_a_reader_and_an_exporter_lose_nothing_and_never_find_it_locked(nursery: Nursery) -> None:
    assert write_together(nursery, 8, 25) == []
