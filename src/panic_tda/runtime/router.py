"""Which executor runs a model: rules of the settings first, then what suits the model."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from panic_tda.models.model import ModelSpec
from panic_tda.models.repositories import parameter_count
from panic_tda.settings import Rule

LARGE_BYTES = 4_000_000_000
"""Models above this run in a process of their own, which frees all of it when it ends."""


class Route(NamedTuple):
    """The executor, and why it was chosen, in words."""

    executor: str
    why: str


def route(spec: ModelSpec, executor: str, rules: Sequence[Rule], *, session: bool = False) -> Route:
    """The first rule that matches; without one the ``executor`` of the settings; with ``auto`` what suits the model.

    That is: a model on an accelerator, or a large one, runs in a worker process, everything else in this process.
    """
    for number, rule in enumerate(rules, 1):
        if matches(rule, spec, session=session):
            return Route(rule.to, f"rule {number} of the settings: {rule}")
    if executor != "auto":
        return Route(executor, f"no rule matches, and the settings say executor = {executor!r}")
    if spec.endpoint is not None:
        return Route("inprocess", f"no rule matches; auto: it is computed at {spec.endpoint.url}")
    if spec.needs_accelerator:
        return Route("process", f"no rule matches; auto: it computes on {spec.device}")
    if spec.memory_bytes > LARGE_BYTES:
        needs = f"{spec.memory_bytes / 1e9:.1f} GB are more than {LARGE_BYTES / 1e9:g} GB"
        return Route("process", f"no rule matches; auto: {needs}")
    return Route("inprocess", "no rule matches; auto: it is small and runs on the CPU")


def matches(rule: Rule, spec: ModelSpec, *, session: bool = False) -> bool:
    """Whether everything that the rule asks for holds; a number of parameters that is unknown is 0.

    ``session``: the call belongs to a session.
    """
    wanted = (
        rule.task == "" or rule.task.replace(" ", "") == str(spec.signature).replace(" ", ""),
        fnmatchcase(spec.name, rule.model or "*"),
        rule.strategy == "" or spec.option("strategy") == rule.strategy,
        rule.min_parameters == 0 or _parameters(spec) >= rule.min_parameters,
        rule.session is None or rule.session == session,
        rule.needs_gpu is None or spec.needs_accelerator == rule.needs_gpu,
    )
    return all(wanted)


def _parameters(spec: ModelSpec) -> int:
    folder = Path(spec.repository.folder) if spec.repository and spec.repository.folder else None
    return parameter_count(folder, spec.repository.variant) if folder and spec.repository and folder.is_dir() else 0
