"""Before hours of work: are the weights here and intact, does every model fit, is the version the pinned one?

Of a model at an endpoint it is asked whether a network and a key are there; the server itself is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from panic_tda.errors import HistoricalModel, ModelVersionChanged, PanicError
from panic_tda.models.model import ModelSpec
from panic_tda.models.reaching import check_reachable
from panic_tda.models.repositories import require_folder
from panic_tda.models.weights import require
from panic_tda.runtime.executor import Executor
from panic_tda.store.model_versions import is_historical


def preflight(models: Mapping[str, ModelSpec], executor: Executor) -> None:
    """Raises the first fault found; see :func:`faults` for all of them."""
    for fault in faults(models, executor):
        raise fault


def faults(models: Mapping[str, ModelSpec], executor: Executor) -> list[PanicError]:
    """Everything that would stop one of the models, or one that it borrows, from running here."""
    checks = (ModelSpec.check_packages, _check_weights, check_reachable, executor.check)
    caught = (_caught(check, each) for spec in models.values() for each in spec.whole() for check in checks)
    return [fault for fault in caught if fault is not None]


def check_pins(models: Mapping[str, ModelSpec], pins: Mapping[str, str], experiment_id: str) -> None:
    """Raises ``ModelVersionChanged`` when the experiment was started with another version of a model."""
    for name, spec in models.items():
        pinned = pins.get(name, spec.version)
        if pinned != spec.version:
            raise ModelVersionChanged(
                f"experiment {experiment_id} was started with {name}@{pinned}, here is {name}@{spec.version}",
                hint="install the version it was started with, or perform its configuration as a new experiment",
            )


def refuse_historical(pins: Mapping[str, str], experiment_id: str) -> None:
    """Raises ``HistoricalModel`` when the experiment was imported."""
    historical = [name for name, version in pins.items() if is_historical(version)]
    if historical:
        named = ", ".join(historical[:3]) + (", …" if len(historical) > 3 else "")
        raise HistoricalModel(
            f"experiment {experiment_id} was imported: its models are historical and are never executed ({named})",
            hint="look at it, analyse and export it; perform its configuration anew as an experiment of its own",
        )


def _caught(check: Callable[[ModelSpec], None], spec: ModelSpec) -> PanicError | None:
    try:
        check(spec)
    except PanicError as fault:
        return fault
    return None


def _check_weights(spec: ModelSpec) -> None:
    for weights in spec.weights:
        require(weights, model=spec.name)
    if spec.repository is not None:
        require_folder(spec.repository, model=spec.name)
