"""Which model to take for a task on this machine."""

from __future__ import annotations

from panic_tda.errors import RequestError
from panic_tda.models.catalogue import catalogue
from panic_tda.models.deployment import using
from panic_tda.models.fitting import Fit, recommended
from panic_tda.runtime.residency import Budget
from panic_tda.settings import Settings, load_settings
from panic_tda.signature import Signature


def recommend(task: str, *, settings: Settings | None = None) -> list[Fit]:
    """The models that do ``task`` (``"text -> image"``) within the memory budget: ready ones first, then by size.

    Without ``settings``, those of the environment. Raises ``RequestError`` for what is no task.
    """
    wanted = signature_of(task)
    with using(settings):
        budget = Budget((settings or load_settings()).memory_budget_bytes)
        return recommended(catalogue().values(), wanted, budget.of)


def signature_of(task: str) -> Signature:
    """What a model of the task takes and makes; raises ``RequestError``."""
    try:
        return Signature.parse(task)
    except ValueError:
        hint = "for instance 'text->image', 'image->text', 'text->vector'"
        raise RequestError(f"{task!r} is not a signature", hint=hint) from None
