"""Leases: what of a stage belongs to which performer, so that nothing is done twice.

In ``generate`` a run is leased, in the later stages an embedder. A lease lasts as long as its performer is one; whoever
dismisses a performer that is gone frees all that it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.performers import Performer, count_performers, dismiss_gone, hold, lock_experiment
from panic_tda.store.statements import chunks
from panic_tda.store.tables import leases


class Share(NamedTuple):
    """The items that a performer has, and how many it should have: what is above that is for the others."""

    items: list[str]
    size: int

    @property
    def surplus(self) -> int:
        """How many items are to be given back."""
        return max(0, len(self.items) - self.size)


def lease(connection: Connection, performer: Performer, stage: str, items: Sequence[str]) -> Share:
    """Leases what is free to a performer, up to its share; what it had already, it keeps.

    ``items`` is all that is left to do in the stage; a share is the same part of it for every performer. Raises
    ``RecordBusy`` when the performer was dismissed.
    """
    lock_experiment(connection, performer.experiment_id)
    hold(connection, [performer])
    dismiss_gone(connection, performer.experiment_id)
    holders = _holders(connection, performer.experiment_id, stage)
    mine = [item for item in items if holders.get(item) == performer.id]
    share = fair_share(len(items), count_performers(connection, performer.experiment_id))
    free = [item for item in items if item not in holders][: max(0, share - len(mine))]
    if free:
        row = {"experiment_id": performer.experiment_id, "stage": stage, "performer_id": performer.id}
        connection.execute(sa.insert(leases), [row | {"item": item} for item in free])
    return Share(mine + free, share)


def give_back(connection: Connection, performer: Performer, stage: str, items: Sequence[str]) -> None:
    """Frees items that the performer has leased."""
    mine = (leases.c.performer_id == performer.id, leases.c.stage == stage)
    for some in chunks(items):
        connection.execute(sa.delete(leases).where(*mine, leases.c.item.in_(some)))


def fair_share(items: int, performers: int) -> int:
    """How many of the items each of the performers may have, so that none is left over."""
    return -(-items // max(1, performers))


def _holders(connection: Connection, experiment_id: str, stage: str) -> dict[str, str]:
    """Who has which item."""
    query = sa.select(leases.c.item, leases.c.performer_id)
    rows = connection.execute(query.where(leases.c.experiment_id == experiment_id, leases.c.stage == stage))
    return dict(map(tuple, rows))
