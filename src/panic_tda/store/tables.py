"""The tables of the record. Migrations bring a database here; a test holds the two together.

An output is stored once, under the SHA-256 of its content, and everything that depends on content alone
hangs on it. The unique keys make duplicates impossible, whatever process writes.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from panic_tda.store.types import Digest, FloatVector, Identifier, UtcTimestamp

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _identity() -> sa.Column[str]:
    return sa.Column("id", Identifier, primary_key=True)


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _belongs_to(
    table: str, *, name: str = "", cascade: bool = False, nullable: bool = False, index: bool = False
) -> sa.Column[str]:
    kind = Digest if table == "outputs" else Identifier
    target = sa.ForeignKey(f"{table}.id", ondelete="CASCADE" if cascade else None)
    return sa.Column(name or f"{table.removesuffix('s')}_id", kind, target, nullable=nullable, index=index)


model_versions = sa.Table(
    "model_versions",
    metadata,
    _identity(),
    _required("name", sa.Text),
    _required("version", sa.Text),
    _required("family", sa.Text),
    _required("device", sa.Text),
    _required("dtype", sa.Text),
    _required("tier", sa.Text),
    _required("synthetic", sa.Boolean),
    _required("weights", sa.JSON),
    _required("libraries", sa.JSON),
    _required("created_at", UtcTimestamp),
    sa.UniqueConstraint("name", "version"),
)

outputs = sa.Table(
    "outputs",
    metadata,
    sa.Column("id", Digest, primary_key=True),
    _required("kind", sa.Text),
    sa.Column("text", sa.Text),
    sa.Column("data", sa.LargeBinary),
    sa.Column("mode", sa.Text),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("degenerate", sa.Text),
    _required("created_at", UtcTimestamp),
    sa.CheckConstraint(
        "(kind = 'text' AND text IS NOT NULL AND data IS NULL)"
        " OR (kind = 'image' AND text IS NULL AND data IS NOT NULL AND mode IS NOT NULL"
        " AND width IS NOT NULL AND height IS NOT NULL)",
        name="one_content",
    ),
)

experiments = sa.Table(
    "experiments",
    metadata,
    _identity(),
    _required("status", sa.Text),
    _required("config", sa.JSON),
    _required("model_versions", sa.JSON),
    _required("created_at", UtcTimestamp),
    sa.Column("completed_at", UtcTimestamp),
)

runs = sa.Table(
    "runs",
    metadata,
    _identity(),
    _belongs_to("experiments", cascade=True),
    _required("network_id", Digest),
    _required("network", sa.JSON),
    _belongs_to("outputs", name="prompt_id", index=True),
    _required("seed", sa.BigInteger),
    _required("run_number", sa.Integer),
    _required("max_length", sa.Integer),
    _required("length", sa.Integer),
    sa.Column("stop_reason", sa.Text),
    sa.Column("period", sa.Integer),
    sa.UniqueConstraint("experiment_id", "network_id", "prompt_id", "seed", "run_number", name="uq_runs_identity"),
    sa.CheckConstraint("length >= 0", name="length_counts"),
)

twins = sa.Table(
    "twins",
    metadata,
    sa.Column("run_id", Identifier, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    _belongs_to("runs", name="twin_of", cascade=True, index=True),
    _required("perturbation", sa.JSON),
)

invocations = sa.Table(
    "invocations",
    metadata,
    _identity(),
    _belongs_to("runs", cascade=True),
    _required("sequence_number", sa.Integer),
    _belongs_to("model_versions"),
    _belongs_to("outputs", name="input_id", index=True),
    _belongs_to("outputs", index=True),
    _required("seed", sa.BigInteger),
    _required("started_at", UtcTimestamp),
    _required("completed_at", UtcTimestamp),
    _required("seconds", sa.Float),
    sa.UniqueConstraint("run_id", "sequence_number"),
)

embeddings = sa.Table(
    "embeddings",
    metadata,
    sa.Column("output_id", Digest, sa.ForeignKey("outputs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("model_version_id", Identifier, sa.ForeignKey("model_versions.id"), primary_key=True),
    _required("vector", FloatVector),
    _required("created_at", UtcTimestamp),
)

persistence_diagrams = sa.Table(
    "persistence_diagrams",
    metadata,
    _identity(),
    _belongs_to("runs", cascade=True),
    _belongs_to("model_versions"),
    _required("run_length", sa.Integer),
    _required("max_dim", sa.Integer),
    _required("points", sa.Integer),
    _required("distinct_points", sa.Integer),
    _required("unmeasured", sa.Integer),
    _required("covering_radius", sa.Float),
    _required("entropy", sa.JSON),
    _required("normalised_entropy", sa.JSON),
    _required("data", sa.LargeBinary),
    _required("engine", sa.Text),
    sa.Column("absence", sa.Text),
    _required("seconds", sa.Float),
    _required("created_at", UtcTimestamp),
    sa.UniqueConstraint("run_id", "model_version_id"),
)

lyapunov_results = sa.Table(
    "lyapunov_results",
    metadata,
    _identity(),
    _belongs_to("experiments", cascade=True),
    _required("network_id", Digest),
    _belongs_to("outputs", name="prompt_id", index=True),
    _belongs_to("model_versions"),
    sa.Column("exponent", sa.Float),
    sa.Column("exponent_low", sa.Float),
    sa.Column("exponent_high", sa.Float),
    sa.Column("standard_error", sa.Float),
    sa.Column("r_squared", sa.Float),
    sa.Column("early_exponent", sa.Float),
    sa.Column("early_low", sa.Float),
    sa.Column("early_high", sa.Float),
    sa.Column("early_r_squared", sa.Float),
    sa.Column("saturation_step", sa.Integer),
    _required("divergence_curve", sa.JSON),
    _required("log_divergence_curve", sa.JSON),
    _required("num_pairs", sa.Integer),
    _required("merged_pairs", sa.Integer),
    _required("num_timesteps", sa.Integer),
    _required("num_runs", sa.Integer),
    _required("num_invocations", sa.Integer),
    _required("num_points", sa.Integer),
    _required("unmeasured", sa.Integer),
    _required("cautions", sa.JSON),
    sa.Column("absence", sa.Text),
    _required("seconds", sa.Float),
    _required("created_at", UtcTimestamp),
    sa.UniqueConstraint(
        "experiment_id", "network_id", "prompt_id", "model_version_id", name="uq_lyapunov_results_identity"
    ),
)

clustering_results = sa.Table(
    "clustering_results",
    metadata,
    _identity(),
    _belongs_to("model_versions"),
    _belongs_to("experiments", cascade=True, nullable=True),
    _required("algorithm", sa.Text),
    _required("layer", sa.Integer),
    _required("parameters", sa.JSON),
    _required("started_at", UtcTimestamp),
    _required("completed_at", UtcTimestamp),
    sa.Column("persistence", sa.Float),
    sa.Column("library", sa.Text),
)

embedding_clusters = sa.Table(
    "embedding_clusters",
    metadata,
    sa.Column(
        "clustering_result_id",
        Identifier,
        sa.ForeignKey("clustering_results.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("output_id", Digest, sa.ForeignKey("outputs.id", ondelete="CASCADE"), primary_key=True, index=True),
    _required("cluster", sa.Integer),
    _belongs_to("outputs", name="medoid_output_id", nullable=True, index=True),
)

programs = sa.Table(
    "programs",
    metadata,
    _identity(),
    _required("name", sa.Text),
    _required("signature", sa.Text),
    _required("strategy", sa.Text),
    _required("model", sa.Text),
    _required("parameters", sa.JSON),
    _required("created_at", UtcTimestamp),
    sa.UniqueConstraint("name"),
)

failures = sa.Table(
    "failures",
    metadata,
    _identity(),
    _belongs_to("experiments", cascade=True, index=True),
    _required("stage", sa.Text),
    _required("model", sa.Text),
    sa.Column("run_id", Identifier, sa.ForeignKey("runs.id", ondelete="CASCADE"), index=True),
    sa.Column("sequence_number", sa.Integer),
    sa.Column("output_id", Digest, sa.ForeignKey("outputs.id", ondelete="CASCADE"), index=True),
    _required("error", sa.Text),
    _required("message", sa.Text),
    _required("occurred_at", UtcTimestamp),
)

retries = sa.Table(
    "retries",
    metadata,
    _identity(),
    _belongs_to("experiments", cascade=True, index=True),
    _required("stage", sa.Text),
    _required("model", sa.Text),
    _required("items", sa.Integer),
    _required("error", sa.Text),
    _required("message", sa.Text),
    _required("occurred_at", UtcTimestamp),
)

stage_progress = sa.Table(
    "stage_progress",
    metadata,
    sa.Column("experiment_id", Identifier, sa.ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    _required("done", sa.Integer),
    _required("total", sa.Integer),
)

performers = sa.Table(
    "performers",
    metadata,
    _identity(),
    _belongs_to("experiments", cascade=True, index=True),
    _required("host", sa.Text),
    _required("pid", sa.Integer),
    _required("expires_at", UtcTimestamp),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("experiment_id", Identifier, sa.ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("item", sa.Text, primary_key=True),
    _belongs_to("performers", cascade=True, index=True),
)

settings = sa.Table(
    "settings",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    _required("value", sa.JSON),
    _required("updated_at", UtcTimestamp),
)

INVOCATION_EMBEDDINGS = """
CREATE VIEW invocation_embeddings AS
SELECT invocations.id AS invocation_id, invocations.run_id AS run_id,
       invocations.sequence_number AS sequence_number, model_versions.name AS embedding_model,
       model_versions.version AS embedding_model_version, embeddings.vector AS vector
FROM invocations
JOIN embeddings ON embeddings.output_id = invocations.output_id
JOIN model_versions ON model_versions.id = embeddings.model_version_id
"""
