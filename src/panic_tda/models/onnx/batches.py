"""Which texts or images share a call of onnxruntime, and the proof that it changes nothing.

At tier ``exact`` only texts of equally many tokens share one, without padding, and only where a proof on this machine
has shown that an item gives the same bits alone and in company. At tier ``seeded`` texts are padded to the longest of
their call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays: TypeAlias = dict[str, NDArray[Any]]
    Compute: TypeAlias = Callable[[Arrays], NDArray[np.float32]]

MOST = 2048
"""Tokens in a call, padding counted: more are no faster, and take memory."""

_ENOUGH = 64
"""Tokens from which a call is about as fast for each of them as a larger one."""
_COMPANIES = (2, 3, 5, 8)


def batches(sizes: Sequence[int], *, equal: bool, most: int = MOST) -> list[list[int]]:
    """The indices of items by call, smallest first; ``sizes`` are their numbers of tokens.

    In a call all have the same size where that is wanted. Else a call that is large enough to be fast is not padded
    for a longer item. No call takes more than ``most`` tokens, unless one item does.
    """
    made: list[list[int]] = []
    for index in sorted(range(len(sizes)), key=sizes.__getitem__):
        size, rows = sizes[index], len(made[-1]) if made else 0
        longer = not made or size > sizes[made[-1][-1]]
        full = (rows + 1) * size > most
        if not made or full or (longer and (equal or rows * sizes[made[-1][-1]] >= _ENOUGH)):
            made.append([])
        made[-1].append(index)
    return made


def company_changes_nothing(compute: Compute, probes: Sequence[Arrays]) -> bool:
    """Whether each probe gives the same bits alone and among others, at every place.

    A probe is the input of one item, with a first axis of length 1; all probes have the same shapes.
    """
    import numpy as np

    alone = [compute(probe)[0].tobytes() for probe in probes]
    for rows in _COMPANIES:
        chosen = [(place + rows) % len(probes) for place in range(rows)]
        joined = {name: np.concatenate([probes[each][name] for each in chosen]) for name in probes[0]}
        if [each.tobytes() for each in compute(joined)] != [alone[each] for each in chosen]:
            return False
    return True
