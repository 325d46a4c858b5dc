"""Frames as the store gives them, built by hand: small experiments whose answers are known."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from PIL import Image, ImageDraw

from panic_tda.answers.evidence import Frames
from panic_tda.figures.report import ModelFacts, Reproduction

RUNS = {
    "run_id": pl.String, "experiment_id": pl.String, "network": pl.String, "prompt": pl.String,
    "prompt_sha256": pl.String, "prompt_type": pl.String, "seed": pl.Int64, "run_number": pl.Int64,
    "length": pl.Int64, "max_length": pl.Int64, "stop_reason": pl.String, "period": pl.Int64, "failure": pl.String,
    "twin_of": pl.String, "perturbation": pl.String,
}  # fmt: skip
INVOCATIONS = {
    "run_id": pl.String, "invocation_id": pl.String, "sequence_number": pl.Int64, "position": pl.Int64,
    "model": pl.String, "version": pl.String, "type": pl.String, "seed": pl.Int64, "text": pl.String,
    "sha256": pl.String, "degenerate": pl.String, "synthetic": pl.Boolean,
    "started_at": pl.Datetime("us", "UTC"), "completed_at": pl.Datetime("us", "UTC"), "seconds": pl.Float64,
}  # fmt: skip
EMBEDDINGS = {
    "run_id": pl.String, "sequence_number": pl.Int64, "model": pl.String, "vector": pl.List(pl.Float32),
}  # fmt: skip
BARS = {
    "run_id": pl.String, "model": pl.String, "dimension": pl.Int64, "birth": pl.Float64, "death": pl.Float64,
}  # fmt: skip
DIAGRAMS = {
    "run_id": pl.String, "model": pl.String, "points": pl.Int64, "distinct_points": pl.Int64,
    "entropy": pl.List(pl.Float64), "normalised_entropy": pl.List(pl.Float64), "absence": pl.String,
}  # fmt: skip

_START = datetime(2026, 1, 1, tzinfo=UTC)


def sha(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


class Lab:
    """Collects runs; ``frames()`` gives them as the store would."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("runs", "invocations", "embeddings", "bars", "diagrams")
        }
        self.images: dict[str, str] = {}

    def run(
        self,
        outputs: list[str],
        *,
        network: str = "Glyph → RapidOCR",
        prompt: str = "a red apple",
        seed: int = 42,
        stop: str | None = "length",
        period: int | None = None,
        failure: str | None = None,
        cycle: tuple[str, ...] = ("image", "text"),
        **more: Any,
    ) -> str:
        """A run with these outputs; in the place of an image stands a word that stands for its pixels."""
        number = len(self.rows["runs"])
        run_id = f"0197{number:028x}"
        self.rows["runs"].append(
            {
                "run_id": run_id, "experiment_id": "e" * 32, "network": network, "prompt": prompt,
                "prompt_sha256": sha(prompt), "prompt_type": "text", "seed": seed, "run_number": 0,
                "length": len(outputs), "max_length": 100, "stop_reason": stop, "period": period, "failure": failure,
                "twin_of": None, "perturbation": None,
            } | {key: value for key, value in more.items() if key in RUNS}
        )  # fmt: skip
        for step, output in enumerate(outputs):
            self._invocation(run_id, step, output, network.split(" → "), cycle, more)
        return run_id

    def _invocation(
        self, run_id: str, step: int, output: str, models: list[str], kinds: tuple[str, ...], more: dict[str, Any]
    ) -> None:
        cycle = len(models)
        model, kind = models[step % cycle], kinds[step % cycle]
        identity = sha(f"{kind} {output}")
        if kind == "image":
            self.images[identity] = output
        started = _START + timedelta(seconds=step)
        self.rows["invocations"].append(
            {
                "run_id": run_id, "invocation_id": f"{run_id}-{step}", "sequence_number": step,
                "position": step % cycle, "model": model, "version": "1", "type": kind, "seed": 42,
                "text": output if kind == "text" else None, "sha256": identity,
                "degenerate": "empty" if not output else more.get("degenerate"),
                "synthetic": more.get("synthetic", False), "started_at": started,
                "completed_at": started + timedelta(milliseconds=250), "seconds": 0.25,
            }
        )  # fmt: skip

    def embed(self, run_id: str, vectors: list[list[float]], *, model: str = "MiniLM", every: int = 2) -> None:
        """Vectors of the last output of each cycle of ``every`` steps, normalised."""
        for index, vector in enumerate(vectors):
            unit = np.asarray(vector, dtype=np.float64) / np.linalg.norm(vector)
            step = every * index + every - 1
            row = {"run_id": run_id, "sequence_number": step, "model": model, "vector": unit.tolist()}
            self.rows["embeddings"].append(row)

    def diagram(self, run_id: str, bars: list[tuple[int, float, float]], *, model: str = "MiniLM", **more: Any) -> None:
        for dimension, birth, death in bars:
            row = {"run_id": run_id, "model": model, "dimension": dimension, "birth": birth, "death": death}
            self.rows["bars"].append(row)
        entropy = [0.0, 0.0, 0.0] if bars else None
        row = {"run_id": run_id, "model": model, "points": 10, "distinct_points": 6, "entropy": entropy,
               "normalised_entropy": entropy, "absence": None}  # fmt: skip
        self.rows["diagrams"].append(row | more)

    def frames(self) -> Frames:
        schemas: tuple[Any, ...] = (RUNS, INVOCATIONS, EMBEDDINGS, BARS, DIAGRAMS)
        return Frames(*(pl.DataFrame(rows, schema=s) for rows, s in zip(self.rows.values(), schemas, strict=True)))

    def load_image(self, sha256: str) -> Image.Image:
        return glyph(self.images[sha256])


def glyph(text: str, side: int = 128) -> Image.Image:
    """Words on a coloured ground, a little like the Glyph model."""
    ground = tuple(200 + value % 50 for value in hashlib.sha256(text.encode()).digest()[:3])
    image = Image.new("RGB", (side, side), ground)
    ImageDraw.Draw(image).multiline_text((8, 30), "\n".join(text.split()), fill=(20, 20, 40), font_size=18)
    return image


def small_lab() -> Lab:
    """Five runs: one loops from step 1 with period 2, one moves, one fails, one is unfinished, one has no steps."""
    lab = Lab()
    apple = lab.run(["apple", "a red appie", "apqle", "a red appie", "apqle", "a red appie"], stop="loop", period=2)
    lab.embed(apple, [[1, 0, 0], [1, 0.01, 0], [1, 0.01, 0]])
    lab.diagram(apple, [(0, 0.0, 0.5), (0, 0.0, math.inf), (1, 0.2, 0.4)])
    boat = lab.run(["b", "a boat", "c", "a coat", "d", "a goat"], prompt="a boat", seed=7)
    lab.embed(boat, [[1, 0, 0], [0, 1, 0], [-1, 0, 0.1]])
    lab.diagram(boat, [], absence="fewer than 2 distinct points")
    lab.run(["b", ""], prompt="a boat", stop="failed", failure="RapidOCR found no text in the image")
    lab.run(["x", "an x"], network="Painter → Reader", prompt="x", stop=None)
    lab.run([], network="Painter → Reader", prompt="y", stop=None)
    return lab


MODELS = [
    ModelFacts("Glyph", "text → image", "1", "MIT"),
    ModelFacts("RapidOCR", "image → text", "2+abc", "Apache-2.0"),
]
REPRODUCTION = Reproduction(
    ["panic-tda experiment perform experiment.yaml"], "network: [Glyph, RapidOCR]\n", {"panic-tda": "0.1.0"}
)
