"""Clusterings: what each layer is worth, what made it, and the way from an output to its clusters."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds two columns to ``clustering_results``, and the indexes without which deleting an output reads every row."""
    op.add_column("clustering_results", sa.Column("persistence", sa.Float(), nullable=True))
    op.add_column("clustering_results", sa.Column("library", sa.Text(), nullable=True))
    op.create_index(op.f("ix_embedding_clusters_output_id"), "embedding_clusters", ["output_id"], unique=False)
    op.create_index(
        op.f("ix_embedding_clusters_medoid_output_id"), "embedding_clusters", ["medoid_output_id"], unique=False
    )
