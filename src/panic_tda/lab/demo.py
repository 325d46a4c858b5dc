"""The demonstration experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from panic_tda.lab.experiment import Experiment
from panic_tda.lab.experiment_file import read_experiment_file
from panic_tda.lab.laboratory import load_config

FILE = Path(__file__).with_name("demo.yaml")
_FAST_LENGTH = 6


def demo_experiment(*, fast: bool = False) -> Experiment:
    """Real feedback loops on the embedded default models; ``fast`` keeps them short."""
    config: dict[str, Any] = read_experiment_file(FILE)
    if fast:
        config |= {"max_length": _FAST_LENGTH, "prompts": config["prompts"][:1]}
    return load_config(config)
