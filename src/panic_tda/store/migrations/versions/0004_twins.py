"""Twin runs: which run repeats which other one, and what was changed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds ``twins``."""
    op.create_table(
        "twins",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("twin_of", sa.String(length=36), nullable=False),
        sa.Column("perturbation", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_twins_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["twin_of"], ["runs.id"], name=op.f("fk_twins_twin_of"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_twins")),
    )
    op.create_index(op.f("ix_twins_twin_of"), "twins", ["twin_of"], unique=False)
