"""Persistence diagrams and Lyapunov results as earlier implementations stored them: ``.npz``, Erlang terms, or JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.store.importing.erlang_terms import read_term
from panic_tda.store.importing.npz import read_npz
from panic_tda.store.importing.tally import Refusal
from panic_tda.store.importing.values import parsed, refuse_oversize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HIGHEST = 3
_WANTED = re.compile(r"dgms_\d{1,2}|dgms_count|entropy")
_WORDS = {"inf": math.inf, "infinity": math.inf, "-inf": -math.inf, "nan": math.nan}
_MOST_STEPS = 1_000_000


class DiagramData(NamedTuple):
    """``bars[k]`` (n, 2) float64 of dimension k; ``entropy`` of each, empty where it was not stored."""

    bars: tuple[NDArray[np.float64], ...]
    entropy: list[float]


class LyapunovData(NamedTuple):
    """What was stored of a Lyapunov exponent; null for a number that is not known."""

    exponent: float | None
    r_squared: float | None
    divergence_curve: list[float | None]
    num_pairs: int


def diagram_from_npz(value: object) -> DiagramData:
    """A diagram of the Python era; generators are left out."""
    arrays = read_npz(_binary(value), lambda name: _WANTED.fullmatch(name) is not None)
    count = arrays.get("dgms_count")
    if count is None or count.size != 1 or count.dtype.kind not in "iu":
        raise Refusal("its archive does not say how many diagrams it has")
    dimensions = range(_dimensions(int(count.flat[0])))
    if missing := [dimension for dimension in dimensions if f"dgms_{dimension}" not in arrays]:
        raise Refusal(f"its archive has no dgms_{missing[0]}")
    entropy = arrays.get("entropy")
    numbers = [] if entropy is None else [float(each) for each in entropy.reshape(-1)]
    return DiagramData(tuple(_bars(arrays[f"dgms_{k}"], k) for k in dimensions), _entropy(numbers, len(dimensions)))


def diagram_from_term(value: object) -> DiagramData:
    """A diagram of the Elixir era."""
    return _diagram(_mapping(read_term(_binary(value))))


def diagram_from_json(value: object) -> DiagramData:
    """A diagram of a Parquet dump."""
    return _diagram(_mapping(parsed(value, "its diagram")))


def lyapunov_from_term(value: object) -> LyapunovData:
    """A Lyapunov result of the Elixir era."""
    return _lyapunov(_mapping(read_term(_binary(value))))


def lyapunov_from_json(value: object) -> LyapunovData:
    """A Lyapunov result of a Parquet dump."""
    return _lyapunov(_mapping(parsed(value, "its result")))


def _binary(value: object) -> bytes:
    if value is None:
        raise Refusal("it has no data")
    refuse_oversize(value, "its data")
    if not isinstance(value, bytes):
        raise Refusal("its data is not binary")
    return value


def _mapping(term: Any) -> dict[str, Any]:
    """The map of a diagram or a result, by the names of its keys."""
    if not isinstance(term, Mapping):
        raise Refusal("its data is no map")
    return {key.decode("latin-1") if isinstance(key, bytes) else str(key): value for key, value in term.items()}


def _diagram(found: dict[str, Any]) -> DiagramData:
    import numpy as np

    diagrams = found.get("dgms")
    if not isinstance(diagrams, list):
        raise Refusal("its data has no list of diagrams")
    _dimensions(len(diagrams))
    bars = []
    for dimension, pairs in enumerate(diagrams):
        rows = [_pair(pair, dimension) for pair in _listed(pairs, f"H{dimension}")]
        bars.append(_bars(np.array(rows, np.float64).reshape(-1, 2), dimension))
    entropy = [_number(each, "its entropy") for each in _listed(found.get("entropy") or [], "its entropy")]
    return DiagramData(tuple(bars), _entropy(entropy, len(bars)))


def _lyapunov(found: dict[str, Any]) -> LyapunovData:
    curve = [_known(_number(each, "its curve")) for each in _listed(found.get("divergence_curve") or [], "its curve")]
    if len(curve) > _MOST_STEPS:
        raise Refusal(f"its curve has {len(curve):,} steps")
    pairs, steps = found.get("num_pairs") or 0, found.get("num_timesteps", len(curve))
    if not isinstance(pairs, int) or pairs < 0:
        raise Refusal("its number of pairs is no number")
    if steps is not None and steps != len(curve):
        raise Refusal(f"its curve has {len(curve)} steps, and it says {steps!r}")
    numbers = [found.get(name) for name in ("exponent", "r_squared")]
    exponent, r_squared = (None if each is None else _known(_number(each, "its exponent")) for each in numbers)
    return LyapunovData(exponent, r_squared, curve, pairs)


def _listed(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Refusal(f"{what} is no list")
    return value


def _pair(value: Any, dimension: int) -> tuple[float, float]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise Refusal(f"H{dimension} has a bar that is no birth and death")
    return _number(value[0], "a birth"), _number(value[1], "a death")


def _number(value: Any, what: str) -> float:
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refusal(f"{what} is no number")
    try:
        return float(value)
    except OverflowError as fault:
        raise Refusal(f"{what} is too large a number") from fault


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _dimensions(number: int) -> int:
    if not 1 <= number <= _HIGHEST + 1:
        raise Refusal(f"it has {number} diagrams, where 1 to {_HIGHEST + 1} can be")
    return number


def _bars(values: NDArray[Any], dimension: int) -> NDArray[np.float64]:
    """Checks the bars of one dimension; an empty array of any shape is none."""
    import numpy as np

    if not values.size:
        return np.empty((0, 2))
    if values.ndim != 2 or values.shape[1] != 2:
        raise Refusal(f"H{dimension} is of shape {values.shape}, not (bars, 2)")
    pairs = values.astype(np.float64)
    if not (np.isfinite(pairs[:, 0]) & (pairs[:, 1] >= pairs[:, 0])).all():
        raise Refusal(f"H{dimension} has a bar without a finite birth, or with a death before its birth")
    return pairs


def _entropy(values: list[float], dimensions: int) -> list[float]:
    if values and len(values) != dimensions:
        raise Refusal(f"it has {len(values)} entropies for {dimensions} diagrams")
    if not all(math.isfinite(each) for each in values):
        raise Refusal("its entropy holds NaN or infinity")
    return values


DecodeDiagram = Callable[[object], DiagramData]
DecodeLyapunov = Callable[[object], LyapunovData]
