"""The shapes of earlier databases: their tables and columns by name, and how what they hold is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from panic_tda.store.importing import diagram_data
from panic_tda.store.importing.diagram_data import DecodeDiagram, DecodeLyapunov
from panic_tda.store.importing.identifiers import DASHED, HEX

Columns = dict[str, tuple[str, ...]]
"""For each thing that is read the names its column may have; nothing is read of a column that is not there."""


@dataclass(frozen=True)
class Era:
    """One shape: its tables by the names they have in the record, each with its own name and its columns.

    ``required`` are the things without which a table is not of this era. ``local_times`` says that datetimes without a
    zone are of the clock of the machine, but for clusterings, which are in UTC.
    """

    name: str
    title: str
    tables: Mapping[str, tuple[str, Columns]]
    required: Mapping[str, tuple[str, ...]]
    id_form: re.Pattern[str]
    kinds: Mapping[str, str]
    decode_diagram: DecodeDiagram
    decode_lyapunov: DecodeLyapunov
    local_times: bool = False
    has_images: bool = True

    def recognises(self, there: Mapping[str, Sequence[str]]) -> bool:
        """Whether a database with these tables and columns is of this era."""
        return all(
            table in there and all(set(columns[thing]) & set(there[table]) for thing in self.required[logical])
            for logical, (table, columns) in self.tables.items()
            if logical in self.required
        )


def _same(*names: str) -> Columns:
    return {name: (name,) for name in names}


_EXPERIMENT = _same("id", "networks", "seeds", "num_runs", "prompts", "embedding_models", "max_length")
_TIMES = _same("started_at", "completed_at")
_INSERTED = {"started_at": ("started_at", "inserted_at"), "completed_at": ("completed_at",)}
_RUN = _same("id", "network", "seed", "run_number", "max_length", "experiment_id") | {
    "prompt": ("initial_prompt", "prompt")
}
_INVOCATION = {
    **_same("id", "model", "type", "seed", "run_id", "sequence_number", "input_invocation_id", "output_text"),
    "output_image": ("output_image", "output_image_data"),
}
_EMBEDDING = _same("id", "invocation_id", "embedding_model", "vector")
_DIAGRAM = _same("id", "run_id", "embedding_model", "diagram_data")
_LYAPUNOV = _same("id", "experiment_id", "embedding_model", "network", "lyapunov_data") | {
    "prompt": ("initial_prompt", "prompt")
}
_CLUSTERING = _same("id", "embedding_model", "algorithm", "layer", "parameters", "clusters", "created_at")
_MEMBER = {
    **_same("id", "embedding_id", "clustering_result_id", "medoid_embedding_id"),
    "cluster": ("cluster_id", "cluster", "cluster_label"),
}
_REQUIRED = {
    "experiments": ("id", "networks", "prompts", "embedding_models", "max_length"),
    "runs": ("id", "network", "prompt", "experiment_id"),
    "invocations": ("id", "model", "type", "run_id", "sequence_number", "output_text"),
}

PYTHON = Era(
    name="python",
    title="a database of the Python era",
    tables=MappingProxyType(
        {
            "experiments": ("experimentconfig", _EXPERIMENT | _TIMES),
            "runs": ("run", _RUN),
            "invocations": ("invocation", _INVOCATION | _TIMES),
            "embeddings": ("embedding", _EMBEDDING | _TIMES),
            "persistence_diagrams": ("persistencediagram", _DIAGRAM | _TIMES),
            "clustering_results": ("clusteringresult", _CLUSTERING | _TIMES),
            "embedding_clusters": ("embeddingcluster", _MEMBER),
            "clusters": ("cluster", _same("id", "clustering_result_id", "medoid_embedding_id")),
        }
    ),
    required=_REQUIRED,
    id_form=HEX,
    kinds=MappingProxyType({"TEXT": "text", "IMAGE": "image"}),
    decode_diagram=diagram_data.diagram_from_npz,
    decode_lyapunov=diagram_data.lyapunov_from_term,
    local_times=True,
)

_ELIXIR_TABLES: Mapping[str, tuple[str, Columns]] = MappingProxyType(
    {
        "experiments": ("experiments", _EXPERIMENT | _INSERTED),
        "runs": ("runs", _RUN | _INSERTED),
        "invocations": ("invocations", _INVOCATION | _INSERTED),
        "embeddings": ("embeddings", _EMBEDDING | _INSERTED),
        "persistence_diagrams": ("persistence_diagrams", _DIAGRAM | _INSERTED),
        "lyapunov_results": ("lyapunov_results", _LYAPUNOV | _INSERTED),
        "clustering_results": ("clustering_results", _CLUSTERING | _INSERTED),
        "embedding_clusters": ("embedding_clusters", _MEMBER),
    }
)

ELIXIR = Era(
    name="elixir",
    title="a database of the Elixir era",
    tables=_ELIXIR_TABLES,
    required=_REQUIRED,
    id_form=DASHED,
    kinds=MappingProxyType({"text": "text", "image": "image"}),
    decode_diagram=diagram_data.diagram_from_term,
    decode_lyapunov=diagram_data.lyapunov_from_term,
)

PARQUET = Era(
    name="elixir",
    title="a Parquet dump of the Elixir era",
    tables=_ELIXIR_TABLES,
    required=_REQUIRED,
    id_form=DASHED,
    kinds=ELIXIR.kinds,
    decode_diagram=diagram_data.diagram_from_json,
    decode_lyapunov=diagram_data.lyapunov_from_json,
    has_images=False,
)

OF_SQLITE = (PYTHON, ELIXIR)
