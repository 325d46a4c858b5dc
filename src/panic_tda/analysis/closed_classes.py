"""Closed communicating classes: sets of states that no run was seen to leave.

A class is closed when its states reach each other and nothing else; a closed class of one state is absorbing. Kemeny &
Snell, "Finite Markov Chains" (1960). The record can only fail to show an exit, so each class carries its evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.transition_matrix import TransitionCounts


class ClosedClass(NamedTuple):
    """``states`` never left in ``steps`` recorded transitions.

    ``leaving_bound``: the greatest chance per step of leaving the class that is still in line with the record at 95 %:
    1 − 0.05^(1/steps), and 1.0 when nothing was recorded.
    """

    states: tuple[int, ...]
    steps: int
    leaving_bound: float

    @property
    def evidence(self) -> str:
        """How much the record knows, in a clause."""
        if not self.steps:
            return "seen only at the end of runs, so where it leads is not known"
        return f"never left in {self.steps} steps: the chance of leaving is at most {self.leaving_bound:.2g} per step"


def closed_classes(transitions: TransitionCounts) -> tuple[ClosedClass, ...]:
    """The closed classes of what was counted, most steps first; there is always at least one.

    A class of all states means that the record shows a way from each state to each other.
    """
    counts, states = transitions.counts, transitions.states
    found = []
    for members in strongly_closed(counts > 0):
        steps = int(counts[members].sum())
        found.append(ClosedClass(tuple(states[members].tolist()), steps, 1.0 - 0.05 ** (1.0 / steps) if steps else 1.0))
    return tuple(sorted(found, key=lambda each: (-each.steps, each.states)))


def strongly_closed(edges: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The strongly connected components of the graph ``edges`` (k, k) that no edge leaves, as arrays of nodes."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count, component = connected_components(csr_array(edges), directed=True, connection="strong")
    start, end = np.nonzero(edges)
    open_components = component[start][component[start] != component[end]]
    return [np.flatnonzero(component == each) for each in np.setdiff1d(np.arange(count), open_components)]
