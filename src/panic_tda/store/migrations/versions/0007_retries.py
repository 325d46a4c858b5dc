"""Retries: calls that were repeated because their worker was lost."""

import sqlalchemy as sa
from alembic import op

from panic_tda.store.types import UtcTimestamp

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds ``retries``."""
    op.create_table(
        "retries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("occurred_at", UtcTimestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_retries_experiment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retries")),
    )
    op.create_index(op.f("ix_retries_experiment_id"), "retries", ["experiment_id"], unique=False)
