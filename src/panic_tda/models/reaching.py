"""What keeps a model at an endpoint from being asked, found without asking it."""

from __future__ import annotations

import os

from panic_tda.errors import PrerequisiteError
from panic_tda.models.deployment import current
from panic_tda.models.model import ModelSpec


def check_reachable(spec: ModelSpec) -> None:
    """Raises ``PrerequisiteError`` when the settings say offline, or the variable with the key is not set."""
    if fault := obstacle(spec):
        raise fault


def obstacle(spec: ModelSpec) -> PrerequisiteError | None:
    """What :func:`check_reachable` raises; None for a model that is computed on this machine."""
    endpoint = spec.endpoint
    if endpoint is None:
        return None
    if current().offline and not endpoint.on_this_machine:
        return PrerequisiteError(
            f"{spec.name} is computed at {endpoint.url}, and the settings say offline",
            hint=f"choose a model of this machine (panic-tda model recommend --task '{spec.signature}'), or go online",
        )
    if endpoint.key_env and not os.environ.get(endpoint.key_env, "").strip():
        return PrerequisiteError(
            f"{spec.name}: the environment variable {endpoint.key_env} with the key of {endpoint.url} is not set",
            hint=f"export {endpoint.key_env}=…",
        )
    return None
