"""Leases: several processes perform one experiment together."""

import sqlalchemy as sa
from alembic import op

from panic_tda.store.types import UtcTimestamp

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds ``performers`` and ``leases``, which take the place of the column ``experiments.performer``."""
    op.create_table(
        "performers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcTimestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_performers_experiment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_performers")),
    )
    op.create_index(op.f("ix_performers_experiment_id"), "performers", ["experiment_id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("performer_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_leases_experiment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["performer_id"], ["performers.id"], name=op.f("fk_leases_performer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment_id", "stage", "item", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_performer_id"), "leases", ["performer_id"], unique=False)
    op.execute("ALTER TABLE experiments DROP COLUMN performer")
