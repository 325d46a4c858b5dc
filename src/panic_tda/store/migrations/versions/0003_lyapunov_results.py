"""Lyapunov results: intervals, the early slope, why there is none, and what they were computed from."""

import sqlalchemy as sa
from alembic import op

from panic_tda.store.types import UtcTimestamp

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes ``lyapunov_results`` anew; nothing ever wrote to the one of revision 0001."""
    op.drop_table("lyapunov_results")
    op.create_table(
        "lyapunov_results",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("network_id", sa.String(length=64), nullable=False),
        sa.Column("prompt_id", sa.String(length=64), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.Column("exponent", sa.Float(), nullable=True),
        sa.Column("exponent_low", sa.Float(), nullable=True),
        sa.Column("exponent_high", sa.Float(), nullable=True),
        sa.Column("standard_error", sa.Float(), nullable=True),
        sa.Column("r_squared", sa.Float(), nullable=True),
        sa.Column("early_exponent", sa.Float(), nullable=True),
        sa.Column("early_low", sa.Float(), nullable=True),
        sa.Column("early_high", sa.Float(), nullable=True),
        sa.Column("early_r_squared", sa.Float(), nullable=True),
        sa.Column("saturation_step", sa.Integer(), nullable=True),
        sa.Column("divergence_curve", sa.JSON(), nullable=False),
        sa.Column("log_divergence_curve", sa.JSON(), nullable=False),
        sa.Column("num_pairs", sa.Integer(), nullable=False),
        sa.Column("merged_pairs", sa.Integer(), nullable=False),
        sa.Column("num_timesteps", sa.Integer(), nullable=False),
        sa.Column("num_runs", sa.Integer(), nullable=False),
        sa.Column("num_invocations", sa.Integer(), nullable=False),
        sa.Column("num_points", sa.Integer(), nullable=False),
        sa.Column("unmeasured", sa.Integer(), nullable=False),
        sa.Column("cautions", sa.JSON(), nullable=False),
        sa.Column("absence", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("created_at", UtcTimestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_lyapunov_results_experiment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_lyapunov_results_model_version_id")
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["outputs.id"], name=op.f("fk_lyapunov_results_prompt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lyapunov_results")),
        sa.UniqueConstraint(
            "experiment_id", "network_id", "prompt_id", "model_version_id", name="uq_lyapunov_results_identity"
        ),
    )
    op.create_index(op.f("ix_lyapunov_results_prompt_id"), "lyapunov_results", ["prompt_id"], unique=False)
