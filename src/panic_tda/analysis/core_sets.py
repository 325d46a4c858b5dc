"""Core-set milestoning: which state is a run in while it is on its way between two states?

Steps inside the core of a state belong to it. Steps in transit belong to the core visited last: a run that leaves a
core and comes back has not changed its state, so the dwell times are not cut short by flicker at a border. Buchete &
Hummer, "Coarse master equations for peptide folding dynamics", J. Phys. Chem. B 112 (2008); Schütte et al., "Markov
state models based on milestoning", J. Chem. Phys. 134 (2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.run_lengths import symbol_sequence
from panic_tda.errors import RequestError


@dataclass(frozen=True, slots=True, eq=False)
class CoreSequences:
    """A state for every step of every run that reaches a core.

    ``sequences``: (T,) int64 for each run; all −1 for a run that never reaches a core. ``before_first`` (runs,) int64:
    leading steps before the first core, which were given to the core reached first (all T when none is reached).
    ``transit``: the share of all steps outside the cores.
    """

    sequences: tuple[NDArray[np.int64], ...]
    before_first: NDArray[np.int64]
    transit: float
    cautions: tuple[str, ...]


def core_set_sequences(cores: Sequence[ArrayLike]) -> CoreSequences:
    """Milestones ``cores``: for each run a (T,) array of integers, the core each step is in, negative for none.

    Raises ``RequestError`` when there is no step at all, or as ``symbol_sequence`` does.
    """
    runs = [symbol_sequence(run) for run in cores]
    total = sum(len(run) for run in runs)
    if not total:
        raise RequestError("there are no steps to assign to core sets")
    before_first = np.array([len(run) if (run < 0).all() else int(np.argmax(run >= 0)) for run in runs], np.int64)
    transit = sum(int((run < 0).sum()) for run in runs) / total
    sequences = tuple(_last_core(run) for run in runs)
    return CoreSequences(sequences, before_first, transit, _cautions(sequences, before_first, transit, total))


def _last_core(run: NDArray[np.int64]) -> NDArray[np.int64]:
    if (run < 0).all():
        return np.full(len(run), -1)
    last = np.maximum.accumulate(np.where(run >= 0, np.arange(len(run)), -1))
    return run[np.where(last >= 0, last, np.argmax(run >= 0))]


def _cautions(
    sequences: tuple[NDArray[np.int64], ...], before_first: NDArray[np.int64], transit: float, total: int
) -> tuple[str, ...]:
    without = sum(bool(len(run)) and int(run[0]) < 0 for run in sequences)
    early = sum(int(steps) for steps, run in zip(before_first, sequences, strict=True) if len(run) and run[0] >= 0)
    said = {
        f"{without} of {len(sequences)} runs never reach a core": without > 0,
        f"{early} steps before the first core were given to the core reached first": early > 0,
        f"{100 * transit:.0f} % of {total} steps lie outside the cores": transit > 0.5,
    }
    return tuple(words for words, holds in said.items() if holds)
