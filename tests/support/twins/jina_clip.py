"""Jina CLIP v2: code of its own, with ``encode_text`` and ``encode_image``."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import seeded
from support.twins.remote_code import write_code

MODELING = """
import numpy
import torch
from torch import nn
from transformers import PreTrainedModel

from .configuration_tiny import TinyConfig


class TinyClip(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config, **rest):
        super().__init__(config)
        self.table = nn.Embedding(256, config.dims)
        self.post_init()

    def _mean(self, numbers):
        ids = torch.tensor(list(numbers) or [0], device=self.table.weight.device)
        weights = torch.arange(1, len(ids) + 1, device=ids.device)[:, None] / len(ids)
        return (self.table(ids) * weights).mean(dim=0).float().cpu().numpy()

    def encode_text(self, sentences, truncate_dim=None, **rest):
        return numpy.stack([self._mean(sentence.encode()) for sentence in sentences])

    def encode_image(self, images, truncate_dim=None, **rest):
        return numpy.stack([self._mean(image.resize((8, 8)).convert("L").tobytes()) for image in images])
"""


def build(folder: Path, dims: int = 1024) -> None:
    """Writes the checkpoint."""
    with seeded():
        write_code(folder, MODELING, "TinyClip", dims=dims)
