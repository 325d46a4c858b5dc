"""Sana-Sprint: Sana with guidance built in, and a scheduler for few steps."""

from __future__ import annotations

from pathlib import Path

from support.twins.parts import save_pipeline, scheduler, seeded
from support.twins.sana import sana_parts


def build(folder: Path) -> None:
    """Writes the checkpoint."""
    from diffusers import SanaSprintPipeline

    with seeded():
        parts = sana_parts(qk_norm="rms_norm_across_heads", guidance_embeds=True)
        pipeline = SanaSprintPipeline(scheduler=scheduler("SCMScheduler"), **parts)
        save_pipeline(folder, pipeline)
