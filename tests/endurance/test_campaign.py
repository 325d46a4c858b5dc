"""A part of the campaign: ``make endure`` runs all of it."""

from __future__ import annotations

from endurance.campaign import endure


def test_clients_that_drop_anywhere_leave_the_server_as_it_was() -> None:
    seen = endure(500, warming_up=200)
    print(seen)
    assert not seen.faults
    assert seen.answers["dropped"] > 200
    assert seen.answers["200"] > 150
    assert seen.after.workers == 2
