"""Which rows a check looks at: those of some experiments, or all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from panic_tda.store.tables import experiments, invocations, runs


@dataclass(frozen=True, slots=True)
class Scope:
    """The experiments looked at, by full id; None for the whole record."""

    experiment_ids: Sequence[str] | None = None

    def experiments(self) -> sa.ColumnElement[bool]:
        """Whether a row of ``experiments`` is looked at."""
        return sa.true() if self.experiment_ids is None else experiments.c.id.in_(self.experiment_ids)

    def of_experiments(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Whether a column names one of the experiments."""
        return sa.true() if self.experiment_ids is None else column.in_(self.experiment_ids)

    def runs(self) -> sa.ColumnElement[bool]:
        """Whether a row of ``runs`` is looked at."""
        return sa.true() if self.experiment_ids is None else runs.c.experiment_id.in_(self.experiment_ids)

    def outputs(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Whether a column names an output that the experiments made or began with."""
        if self.experiment_ids is None:
            return sa.true()
        made = sa.select(invocations.c.output_id).join(runs, runs.c.id == invocations.c.run_id).where(self.runs())
        return sa.or_(column.in_(made), column.in_(sa.select(runs.c.prompt_id).where(self.runs())))

    def of_runs(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Whether a column names a run of the experiments."""
        return sa.true() if self.experiment_ids is None else column.in_(sa.select(runs.c.id).where(self.runs()))
