"""What every part of an import works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from panic_tda.store.identifiers import new_id
from panic_tda.store.importing.source import Source
from panic_tda.store.importing.tally import Tally
from panic_tda.store.model_versions import HISTORICAL
from panic_tda.store.statements import chunks, insert_new
from panic_tda.store.tables import model_versions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Entropies = Callable[["NDArray[np.float64]"], tuple[float, float]]
"""The persistent entropy of some bars, plain and normalised."""


@dataclass(frozen=True)
class Options:
    """How to import: the clock of naive datetimes, whether diagrams are left out, and how entropy is computed."""

    zone: tzinfo
    skip_diagrams: bool
    entropies: Entropies


@dataclass
class Work:
    """One transaction of an import."""

    source: Source
    connection: Connection
    tally: Tally
    options: Options
    advance: Callable[[int], None]
    _versions: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def zone(self) -> tzinfo:
        """The clock of datetimes that were written without a zone, but for those of clusterings."""
        return self.options.zone if self.source.era.local_times else UTC

    def version(self, name: str, size: int | None = None) -> tuple[str, str]:
        """The id and the version of a historical model; of an embedder, by the bytes of its vectors."""
        version = "-".join([HISTORICAL, self.source.era.name, *([str(size // 4)] if size else [])])
        if (name, version) not in self._versions:
            self._versions[name, version] = self._registered(name, version)
        return self._versions[name, version], version

    def _registered(self, name: str, version: str) -> str:
        row = {
            "id": new_id(),
            "name": name,
            "version": version,
            "family": HISTORICAL,
            "device": "unknown",
            "dtype": "unknown",
            "tier": "free",
            "synthetic": name.startswith("Dummy"),
            "weights": [],
            "libraries": {},
            "created_at": datetime.now(UTC),
        }
        same = sa.and_(model_versions.c.name == name, model_versions.c.version == version)
        query = sa.select(model_versions.c.id).where(same)
        if (there := self.connection.execute(query).scalar_one_or_none()) is not None:
            return str(there)
        insert_new(self.connection, model_versions, [row])
        return str(self.connection.execute(query).scalar_one())

    def taken(self, table: sa.Table, keys: Sequence[str]) -> set[str]:
        """Which of these ids are in a table of the target."""
        found: set[str] = set()
        for piece in chunks(keys):
            found.update(self.connection.execute(sa.select(table.c.id).where(table.c.id.in_(piece))).scalars())
        return found
