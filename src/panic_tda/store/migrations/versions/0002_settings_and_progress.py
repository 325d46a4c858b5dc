"""Settings kept with the record, and the progress of each stage."""

import sqlalchemy as sa
from alembic import op

from panic_tda.store.types import UtcTimestamp

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds ``settings`` and ``stage_progress``."""
    op.create_table(
        "settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcTimestamp(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings")),
    )
    op.create_table(
        "stage_progress",
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_stage_progress_experiment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("experiment_id", "stage", "model", name=op.f("pk_stage_progress")),
    )
