"""What changes with the embedder: the same trajectories under two embedders, or two versions of one."""

from __future__ import annotations

from panic_tda.answers.answer import Analysis
from panic_tda.answers.instruments import comparing

ANALYSES = (Analysis("instruments", comparing.QUESTION, comparing.instruments),)
