"""What ``panic-tda model fit`` says to people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from panic_tda.cli.output import gigabytes

if TYPE_CHECKING:
    from panic_tda.models.fitting import Fit


def fit_lines(found: Fit, beside: Sequence[str], leave: Sequence[str]) -> Iterator[str]:
    """The verdict with its numbers, what they are made of, what would have to leave, what would make it smaller."""
    if found.endpoint:
        ready = lacks(found) or "ready to run"
        yield f"{found.model} takes no memory here: it is computed at {found.endpoint}; {ready}"
        return
    verdict = "fits" if found.fits else "does not fit"
    needs = f"needs {gigabytes(found.needed_bytes)} ({found.memory_source})"
    budget = f"the budget is {gigabytes(found.budget_bytes)}"
    yield f"{found.model} {verdict}: {needs}, {budget}; {found.device}; {lacks(found) or 'ready to run'}"
    if found.weights_bytes:
        yield f"  {_weights(found)}, {gigabytes(found.working_bytes)} to work in batches of {found.batch_size}"
    if beside and found.fits:
        yield f"  beside {', '.join(beside)}: {', '.join(leave) or 'nothing'} would have to leave"
    for option, needed in found.economies.items():
        yield f"  with --option {option} it would need about {gigabytes(needed)} (see: panic-tda model add -h)"


def lacks(found: Fit) -> str:
    """What is missing before the model runs; empty when nothing is."""
    missing = [f"the package {package}" for package in found.packages_missing]
    if found.unreachable:
        missing.append(found.unreachable)
    elif not (found.weights_here or found.endpoint):
        missing.append("its weights")
    return ", ".join(missing)


def _weights(found: Fit) -> str:
    counted = f"{found.parameters / 1e9:.3g} B numbers in " if found.parameters else ""
    return f"{gigabytes(found.weights_bytes)} of weights ({counted}{found.dtype})"
