"""The record: experiments, runs, invocations, outputs, and what is derived from them."""

import sqlalchemy as sa
from alembic import op

from panic_tda.store.types import FloatVector, UtcTimestamp

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables and the view ``invocation_embeddings``."""
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("model_versions", sa.JSON(), nullable=False),
        sa.Column("performer", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", UtcTimestamp(), nullable=False),
        sa.Column("completed_at", UtcTimestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
    )
    op.create_table(
        "model_versions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("weights", sa.JSON(), nullable=False),
        sa.Column("libraries", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcTimestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_model_versions_name_version")),
    )
    op.create_table(
        "outputs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("degenerate", sa.Text(), nullable=True),
        sa.Column("created_at", UtcTimestamp(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'text' AND text IS NOT NULL AND data IS NULL) OR (kind = 'image' AND text IS NULL AND data IS NOT NULL AND mode IS NOT NULL AND width IS NOT NULL AND height IS NOT NULL)",
            name=op.f("ck_outputs_one_content"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outputs")),
    )
    op.create_table(
        "programs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcTimestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programs")),
        sa.UniqueConstraint("name", name=op.f("uq_programs_name")),
    )
    op.create_table(
        "clustering_results",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=True),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("started_at", UtcTimestamp(), nullable=False),
        sa.Column("completed_at", UtcTimestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_clustering_results_experiment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_clustering_results_model_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clustering_results")),
    )
    op.create_table(
        "embeddings",
        sa.Column("output_id", sa.String(length=64), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.Column("vector", FloatVector(), nullable=False),
        sa.Column("created_at", UtcTimestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_embeddings_model_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["output_id"], ["outputs.id"], name=op.f("fk_embeddings_output_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("output_id", "model_version_id", name=op.f("pk_embeddings")),
    )
    op.create_table(
        "lyapunov_results",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("network_id", sa.String(length=64), nullable=False),
        sa.Column("prompt_id", sa.String(length=64), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.Column("exponent", sa.Float(), nullable=False),
        sa.Column("r_squared", sa.Float(), nullable=False),
        sa.Column("divergence_curve", sa.JSON(), nullable=False),
        sa.Column("num_pairs", sa.Integer(), nullable=False),
        sa.Column("num_timesteps", sa.Integer(), nullable=False),
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
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("network_id", sa.String(length=64), nullable=False),
        sa.Column("network", sa.JSON(), nullable=False),
        sa.Column("prompt_id", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("run_number", sa.Integer(), nullable=False),
        sa.Column("max_length", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("period", sa.Integer(), nullable=True),
        sa.CheckConstraint("length >= 0", name=op.f("ck_runs_length_counts")),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_runs_experiment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["outputs.id"], name=op.f("fk_runs_prompt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("experiment_id", "network_id", "prompt_id", "seed", "run_number", name="uq_runs_identity"),
    )
    op.create_index(op.f("ix_runs_prompt_id"), "runs", ["prompt_id"], unique=False)
    op.create_table(
        "embedding_clusters",
        sa.Column("clustering_result_id", sa.String(length=36), nullable=False),
        sa.Column("output_id", sa.String(length=64), nullable=False),
        sa.Column("cluster", sa.Integer(), nullable=False),
        sa.Column("medoid_output_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["clustering_result_id"],
            ["clustering_results.id"],
            name=op.f("fk_embedding_clusters_clustering_result_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["medoid_output_id"], ["outputs.id"], name=op.f("fk_embedding_clusters_medoid_output_id")
        ),
        sa.ForeignKeyConstraint(
            ["output_id"], ["outputs.id"], name=op.f("fk_embedding_clusters_output_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("clustering_result_id", "output_id", name=op.f("pk_embedding_clusters")),
    )
    op.create_table(
        "failures",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("experiment_id", sa.String(length=36), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("sequence_number", sa.Integer(), nullable=True),
        sa.Column("output_id", sa.String(length=64), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("occurred_at", UtcTimestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_failures_experiment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["output_id"], ["outputs.id"], name=op.f("fk_failures_output_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_failures_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failures")),
    )
    op.create_index(op.f("ix_failures_experiment_id"), "failures", ["experiment_id"], unique=False)
    op.create_index(op.f("ix_failures_output_id"), "failures", ["output_id"], unique=False)
    op.create_index(op.f("ix_failures_run_id"), "failures", ["run_id"], unique=False)
    op.create_table(
        "invocations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("sequence_number", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.Column("input_id", sa.String(length=64), nullable=False),
        sa.Column("output_id", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("started_at", UtcTimestamp(), nullable=False),
        sa.Column("completed_at", UtcTimestamp(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["input_id"], ["outputs.id"], name=op.f("fk_invocations_input_id")),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_invocations_model_version_id")
        ),
        sa.ForeignKeyConstraint(["output_id"], ["outputs.id"], name=op.f("fk_invocations_output_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_invocations_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invocations")),
        sa.UniqueConstraint("run_id", "sequence_number", name=op.f("uq_invocations_run_id_sequence_number")),
    )
    op.create_index(op.f("ix_invocations_input_id"), "invocations", ["input_id"], unique=False)
    op.create_index(op.f("ix_invocations_output_id"), "invocations", ["output_id"], unique=False)
    op.create_table(
        "persistence_diagrams",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("model_version_id", sa.String(length=36), nullable=False),
        sa.Column("run_length", sa.Integer(), nullable=False),
        sa.Column("max_dim", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("distinct_points", sa.Integer(), nullable=False),
        sa.Column("unmeasured", sa.Integer(), nullable=False),
        sa.Column("covering_radius", sa.Float(), nullable=False),
        sa.Column("entropy", sa.JSON(), nullable=False),
        sa.Column("normalised_entropy", sa.JSON(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("absence", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("created_at", UtcTimestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_persistence_diagrams_model_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_persistence_diagrams_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persistence_diagrams")),
        sa.UniqueConstraint("run_id", "model_version_id", name=op.f("uq_persistence_diagrams_run_id_model_version_id")),
    )
    op.execute("""
CREATE VIEW invocation_embeddings AS
SELECT invocations.id AS invocation_id, invocations.run_id AS run_id,
       invocations.sequence_number AS sequence_number, model_versions.name AS embedding_model,
       model_versions.version AS embedding_model_version, embeddings.vector AS vector
FROM invocations
JOIN embeddings ON embeddings.output_id = invocations.output_id
JOIN model_versions ON model_versions.id = embeddings.model_version_id
""")
