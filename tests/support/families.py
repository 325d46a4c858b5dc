"""Runs with twins, built by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from panic_tda.answers.evidence import Evidence, apart
from support.builders import Lab

NOISE: dict[str, Any] = {"kind": "noise", "step": 0, "seed": 9}
TYPO: dict[str, Any] = {"kind": "prompt", "changes": 1}


class Family(Lab):
    """Runs with twins, of a network of one model that makes texts."""

    def base(self, outputs: str, seed: int = 1, **more: Any) -> str:
        return self.run(list(outputs), network="M", cycle=("text",), seed=seed, **{"max_length": len(outputs)} | more)

    def twin(self, of: str, outputs: str, change: dict[str, Any] = NOISE, **more: Any) -> str:
        (seed,) = (row["seed"] for row in self.rows["runs"] if row["run_id"] == of)
        told = {"twin_of": of, "perturbation": json.dumps(change), "run_number": len(self.rows["runs"])}
        return self.base(outputs, seed, **told, **more)

    def angles(self, run_id: str, angles: list[float]) -> None:
        """A vector on the unit circle for each step."""
        self.embed(run_id, [[float(np.cos(angle)), float(np.sin(angle))] for angle in angles], every=1)

    def evidence(self) -> Evidence:
        runs, twins = apart(self.frames())
        return Evidence(runs, twin_frames=twins)
