"""Databases of the earlier implementations, built small from their description."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from support.erlang import Atom, diagram_term, term_to_binary

NETWORK = ["FluxSchnell", "BLIP2"]
PROMPT = "a red apple"
EMBEDDER = "Nomic"
BARS = [[(0.0, 0.5), (0.0, float("inf"))], [(0.25, 0.5)], []]
ENTROPY = [0.0, 0.0, 0.0]
PYTHON_TABLES = {
    "experiments": "experimentconfig",
    "runs": "run",
    "invocations": "invocation",
    "embeddings": "embedding",
    "persistence_diagrams": "persistencediagram",
    "clustering_results": "clusteringresult",
    "embedding_clusters": "embeddingcluster",
    "clusters": "cluster",
}
Row = dict[str, Any]


def colour(number: int) -> tuple[int, int, int]:
    return (number * 37 % 256, number * 101 % 256, number * 11 % 256)


def image(number: int, side: int = 16) -> Image.Image:
    """A picture of its own for each number."""
    made = Image.new("RGB", (side, side), colour(number))
    made.putpixel((number % side, 0), (255, 255, 255))
    return made


def encoded_image(number: int, form: str = "WEBP", side: int = 16) -> bytes:
    buffer = io.BytesIO()
    image(number, side).save(buffer, form, **({"lossless": True} if form == "WEBP" else {"quality": 50}))
    return buffer.getvalue()


def vector(number: int, dims: int = 8) -> NDArray[np.float32]:
    return np.random.default_rng(number).normal(size=dims).astype(np.float32)


def npz(bars: list[list[tuple[float, float]]] = BARS, **more: Any) -> bytes:
    """A diagram as the Python implementation stored it."""
    arrays = {f"dgms_{k}": np.array(pairs, np.float32).reshape(-1, 2) for k, pairs in enumerate(bars)}
    buffer = io.BytesIO()
    facts = {"dgms_count": np.array([len(bars)]), "entropy": np.array(ENTROPY[: len(bars)], np.float32)}
    np.savez_compressed(buffer, **(arrays | facts | {"num_edges_meta": np.array(["12"])} | more))
    return buffer.getvalue()


@dataclass
class Earlier:
    """Rows by table, in the words of the record; ``write`` puts them into a database of an era.

    Change ``tables`` before writing to plant what is wrong.
    """

    era: str = "python"
    generation: str = "seeds"
    tables: dict[str, list[Row]] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def key(self) -> str:
        """A fresh id of the era; ids grow."""
        self.count += 1
        plain = f"06b00f9f2900700080{self.count:014x}"
        if self.era == "python":
            return plain
        return "-".join([plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]])

    def add(self, table: str, **values: Any) -> Row:
        """A row with an id of its own."""
        row = {"id": self.key()} | values
        self.tables.setdefault(table, []).append(row)
        return row

    def time(self, second: int) -> str:
        stamp = f"2025-06-01 10:{second // 60 % 60:02}:{second % 60:02}.{second % 1000:06}"
        return stamp if self.era == "python" else stamp.replace(" ", "T") + ("Z" if second % 2 else "")

    def times(self, second: int) -> Row:
        """When something began and ended."""
        inserted = {} if self.era == "python" else {"inserted_at": self.time(second), "updated_at": self.time(second)}
        return {"started_at": self.time(second), "completed_at": self.time(second + 1)} | inserted

    def experiment(self, *, runs: int = 2, steps: int = 6, seed: int = -1, **changes: Any) -> Row:
        """An experiment of one network and one prompt, with vectors of its texts and a diagram of each run."""
        values: Row = {
            "networks": json.dumps([NETWORK]),
            "prompts": json.dumps([PROMPT]),
            "embedding_models": json.dumps([EMBEDDER]),
            "max_length": steps,
            **({"seeds": json.dumps([seed] * runs)} if self.has_seeds else {"num_runs": runs}),
        }
        row = self.add("experiments", **values | self.times(0) | changes)
        for number in range(runs):
            self.run(row, number, steps=steps, seed=seed)
        return row

    @property
    def has_seeds(self) -> bool:
        return self.generation == "seeds"

    def run(self, experiment: Row, number: int, *, steps: int = 6, seed: int = -1, prompt: str = PROMPT) -> Row:
        """A run with its steps, vectors and diagram."""
        place = {"seed": seed} if self.has_seeds else {"run_number": number}
        inserted = {} if self.era == "python" else {"inserted_at": self.time(1), "updated_at": self.time(1)}
        run = self.add(
            "runs",
            network=json.dumps(NETWORK),
            max_length=steps,
            initial_prompt=prompt,
            experiment_id=experiment["id"],
            **place,
            **inserted,
        )
        before = None
        for step in range(steps):
            before = self.step(run, step, before)["id"]
        self.diagram(run)
        return run

    def step(self, run: Row, number: int, before: str | None, **changes: Any) -> Row:
        """An invocation, and the vector of its text."""
        content = 1000 * len(self.tables["runs"]) + number
        made: Row = {"output_text": None, self.image_column: None}
        if number % 2:
            made["output_text"] = f"text {content}"
        else:
            made[self.image_column] = encoded_image(content, self.image_format)
        kind = (
            ("text" if number % 2 else "image").upper() if self.era == "python" else ("text" if number % 2 else "image")
        )
        row = self.add(
            "invocations",
            model=NETWORK[number % 2],
            type=kind.upper() if self.era == "python" else kind,
            run_id=run["id"],
            sequence_number=number,
            input_invocation_id=before,
            **({"seed": run["seed"]} if self.has_seeds else {}),
            **made | self.times(2 + number) | changes,
        )
        if number % 2:
            self.vector(row, content)
        return row

    def vector(self, invocation: Row, number: int, **changes: Any) -> Row:
        values: Row = {
            "invocation_id": invocation["id"],
            "embedding_model": EMBEDDER,
            "vector": vector(number).astype("<f4").tobytes(),
        }
        return self.add("embeddings", **values | self.times(100) | changes)

    def diagram(self, run: Row, data: Any = None) -> Row:
        if data is None:
            data = npz() if self.era == "python" else term_to_binary(diagram_term(BARS, ENTROPY), compressed=True)
        values = {"run_id": run["id"], "embedding_model": EMBEDDER, "diagram_data": data}
        return self.add("persistence_diagrams", **values | self.times(200))

    def clustering(self, groups: list[list[Row]], outliers: list[Row]) -> Row:
        """A clustering of embeddings; the first of each group is its medoid."""
        layer = {} if self.era == "python" else {"layer": 1}
        made = {"created_at": self.time(300)} if self.era == "python" else {}
        parameters = json.dumps({"min_cluster_size": 2})
        values = {"embedding_model": EMBEDDER, "algorithm": "hdbscan", "parameters": parameters}
        result = self.add("clustering_results", **values | made | layer | self.times(300))
        for group in [*groups, *([each] for each in outliers)]:
            medoid = None if any(group[0] is each for each in outliers) else group[0]["id"]
            for each in group:
                place = {"embedding_id": each["id"], "clustering_result_id": result["id"]}
                self.add("embedding_clusters", **place, medoid_embedding_id=medoid)
        return result

    def lyapunov(self, experiment: Row, **facts: Any) -> Row:
        """A result of the Elixir era."""
        curve = {Atom("exponent"): 0.05, Atom("r_squared"): 0.9, Atom("num_pairs"): 1, Atom("num_timesteps"): 3}
        term = {**curve, Atom("divergence_curve"): [0.5, 0.75, 1]} | facts
        values = {"experiment_id": experiment["id"], "embedding_model": EMBEDDER, "network": json.dumps(NETWORK)}
        data = {"initial_prompt": PROMPT, "lyapunov_data": term_to_binary(term, compressed=True)}
        return self.add("lyapunov_results", **values | data | self.times(250))

    @property
    def image_column(self) -> str:
        return "output_image_data" if self.era == "python" else "output_image"

    @property
    def image_format(self) -> str:
        return "WEBP" if self.has_seeds else "AVIF"

    def write(self, path: Path) -> Path:
        """A SQLite database of the era; ``declared`` gives columns a type, as ``run.id``."""
        with closing(sqlite3.connect(path)) as database:
            for table, rows in self.all_tables().items():
                name = PYTHON_TABLES[table] if self.era == "python" else table
                columns = list(dict.fromkeys(column for row in rows for column in row)) or ["id"]
                kinds = [f'"{column}" {self.declared.get(f"{name}.{column}", "")}' for column in columns]
                database.execute(f'CREATE TABLE "{name}" ({", ".join(kinds)})')
                marks = ", ".join("?" * len(columns))
                values = [[row.get(column) for column in columns] for row in rows]
                database.executemany(f'INSERT INTO "{name}" VALUES ({marks})', values)
            database.commit()
        return path

    def all_tables(self) -> dict[str, list[Row]]:
        """Every table of the era, with its rows."""
        return {table: self.tables.get(table, []) for table in [*_OF_BOTH, *self.tables]}

    def dump(self, folder: Path) -> Path:
        """The Parquet files of the Elixir era, without images."""
        folder.mkdir(parents=True, exist_ok=True)
        for table in (*_OF_BOTH, "lyapunov_results"):
            rows = [self._dumped(row) for row in self.tables.get(table, [])]
            pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / f"{table}.parquet")
        return folder

    def _dumped(self, row: Row) -> Row:
        dumped = {name: value for name, value in row.items() if name != "output_image"}
        if "vector" in dumped:
            dumped["vector"] = pl.Series(np.frombuffer(dumped["vector"], "<f4"), dtype=pl.Float32)
        if "diagram_data" in dumped:
            pairs = [[[birth, death if death < 1e9 else "inf"] for birth, death in bars] for bars in BARS]
            dumped["diagram_data"] = json.dumps({"dgms": pairs, "entropy": ENTROPY, "num_edges": 12})
        if "lyapunov_data" in dumped:
            curve = {"divergence_curve": [0.5, 0.75, 1.0], "num_pairs": 1, "num_timesteps": 3}
            dumped["lyapunov_data"] = json.dumps({"exponent": 0.05, "r_squared": 0.9} | curve)
        return dumped


_OF_BOTH = (
    "experiments",
    "runs",
    "invocations",
    "embeddings",
    "persistence_diagrams",
    "clustering_results",
    "embedding_clusters",
)
