"""Checkpoints that bring Python code of their own: our small copies of the interfaces of the published ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONFIGURATION = """
from transformers import PreTrainedConfig


class TinyConfig(PreTrainedConfig):
    model_type = "panic_tiny"

    def __init__(self, dims=8, hidden_size=8, **rest):
        self.dims = dims
        self.hidden_size = hidden_size
        super().__init__(**rest)
"""


def write_code(folder: Path, modeling: str, model_class: str, *, dims: int, auto: str = "AutoModel") -> None:
    """Writes configuration, code, and random weights: one table of 256 vectors, named ``table.weight``."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "configuration_tiny.py").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "modeling_tiny.py").write_text(modeling, encoding="utf-8")
    config: dict[str, Any] = {
        "model_type": "panic_tiny",
        "architectures": [model_class],
        "dims": dims,
        "hidden_size": dims,
        "auto_map": {"AutoConfig": "configuration_tiny.TinyConfig", auto: f"modeling_tiny.{model_class}"},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    numbers = torch.randn(256, dims, generator=torch.Generator().manual_seed(0))
    save_file({"table.weight": numbers}, folder / "model.safetensors", metadata={"format": "pt"})
