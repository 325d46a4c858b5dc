"""Nomic Embed vision: code of its own, whose first token of the last layer is the vector."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import seeded
from support.twins.remote_code import write_code

MODELING = """
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from .configuration_tiny import TinyConfig


class TinyVision(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config, **rest):
        super().__init__(config)
        self.table = nn.Embedding(256, config.dims)
        self.post_init()

    def forward(self, pixel_values=None, **rest):
        levels = ((pixel_values.flatten(1) + 2.5) * 50).clamp(0, 255).long()
        states = self.table(levels)
        weights = torch.linspace(0.1, 1.0, states.shape[1], dtype=states.dtype, device=states.device)
        return BaseModelOutput(last_hidden_state=(states * weights[:, None]).mean(dim=1, keepdim=True))
"""


def build(folder: Path, dims: int = 768) -> None:
    """Writes the checkpoint."""
    with seeded():
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        write_code(folder, MODELING, "TinyVision", dims=dims)
        CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}).save_pretrained(folder)
