"""Surrogates of a trajectory: what would a statistic be, if the order of the steps carried only so much information?

Each kind keeps something of the trajectory and makes the rest random; a statistic that surrogates reach as easily as
the trajectory itself is explained by what they keep.

* shuffled: the same points in random order. Null: the steps are exchangeable (independent, identically distributed).
* phase-randomised: the same power spectrum, and the same cross-spectra of the coordinates. Null: a stationary linear
  Gaussian process.
* Markov: the same symbols with the same number of every transition. Null: a Markov chain of order 1 on the symbols;
  for a trajectory also that a point depends on nothing but its symbol.

Theiler, Eubank, Longtin, Galdrikian & Farmer, Physica D 58 (1992); Prichard & Theiler, "Generating surrogate data for
time series with several simultaneously measured variables", Phys. Rev. Lett. 73 (1994); Pethel & Hahs, "Exact
significance test for Markov order", Physica D 269 (2014); Wilson, "Generating random spanning trees more quickly than
the cover time", STOC (1996).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import finite_points
from panic_tda.errors import RequestError

Surrogate = Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]
Ties = Literal["random", "conservative"]


class SurrogateTest(NamedTuple):
    """A statistic of a trajectory beside those of its surrogates.

    ``low`` and ``high`` hold the middle 95 % of the surrogates; ``greater``, ``less`` and ``two_sided`` are rank
    p-values for the trajectory having more, less, or either than its surrogates; ``surrogates`` is how many there are.
    """

    observed: float
    low: float
    high: float
    greater: float
    less: float
    two_sided: float
    surrogates: int
    cautions: tuple[str, ...]


def surrogate_test(
    statistic: Callable[[NDArray[Any]], float],
    trajectory: ArrayLike,
    surrogate: Surrogate,
    rng: np.random.Generator,
    *,
    count: int = 199,
    ties: Ties = "random",
) -> SurrogateTest:
    """``statistic`` of ``trajectory`` (T, …) against ``count`` surrogates, each made by ``surrogate(trajectory, rng)``.

    Under the null hypothesis of the surrogate the p-values are uniform on {1, …, count + 1} / (count + 1), two-sided
    on every second of them for odd ``count``. Raises ``RequestError`` for ``count`` < 1 or unknown ``ties``.
    """
    rows = np.asarray(trajectory)
    if count < 1:
        raise RequestError(f"a surrogate test needs at least one surrogate, got count={count}")
    values = [float(statistic(surrogate(rows, rng))) for _ in range(count)]
    return rank_test(float(statistic(rows)), values, rng, ties=ties)


def rank_test(observed: float, values: ArrayLike, rng: np.random.Generator, *, ties: Ties = "random") -> SurrogateTest:
    """The rank of ``observed`` among the surrogates' ``values`` (n,): p = (1 + values as extreme) / (n + 1).

    Where values equal the observed one, ``random`` draws its place among them, so that p is uniform under the null;
    ``conservative`` counts all of them as more extreme, so that p is at most too large. Values that are NaN are left
    out; where ``observed`` is NaN or no value is left, every p-value is NaN. The cautions say all this.
    """
    if ties not in ("random", "conservative"):
        raise RequestError(f"ties are broken 'random' or 'conservative', got {ties!r}")
    given = np.asarray(values, dtype=np.float64)
    known = given[~np.isnan(given)]
    left_out = (f"{len(given) - len(known)} of {len(given)} surrogates give no value",) * (len(known) < len(given))
    low, high = (float(end) for end in np.quantile(known, [0.025, 0.975])) if len(known) else (np.nan, np.nan)
    if np.isnan(observed) or not len(known):
        return SurrogateTest(observed, low, high, np.nan, np.nan, np.nan, len(known), (*left_out, "nothing to compare"))
    equal = int(np.count_nonzero(known == observed))
    above = int(rng.integers(equal + 1)) if ties == "random" else equal
    below = equal - above if ties == "random" else equal
    greater = (1 + int(np.count_nonzero(known > observed)) + above) / (len(known) + 1)
    less = (1 + int(np.count_nonzero(known < observed)) + below) / (len(known) + 1)
    tied = ("every surrogate has the same value as the trajectory",) * (equal == len(known))
    return SurrogateTest(
        observed, low, high, greater, less, min(1.0, 2 * min(greater, less)), len(known), left_out + tied
    )


def shuffled_order(steps: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``steps`` numbered from 0, in random order; (steps,) int64. ``distances[order][:, order]`` is then shuffled."""
    return rng.permutation(steps).astype(np.int64)


def shuffled_surrogate(trajectory: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """The rows of ``trajectory`` (T, …) in random order."""
    return trajectory[shuffled_order(len(trajectory), rng)]


def phase_surrogate(trajectory: ArrayLike, rng: np.random.Generator) -> NDArray[np.float64]:
    """A process with the power spectrum and the cross-spectra of ``trajectory`` (T, d); (T, d) float64.

    Every frequency is turned by one random phase, the same in all coordinates; the mean is kept, and the highest
    frequency of an even T keeps or changes its sign. The rows are vectors of any length, also where those of the
    trajectory have length 1. The trajectory is treated as periodic: where its end does not meet its start, the
    surrogates have more high frequencies than the process it is a piece of. Raises ``RequestError`` when the points
    are not finite or not two-dimensional.
    """
    rows = finite_points(trajectory, np.float64)
    if len(rows) < 2:
        return rows.copy()
    spectrum = np.fft.rfft(rows, axis=0)
    turns = np.exp(2j * np.pi * rng.random(len(spectrum)))
    turns[0] = 1.0
    if len(rows) % 2 == 0:
        turns[-1] = rng.choice([-1.0, 1.0])
    surrogate: NDArray[np.float64] = np.fft.irfft(spectrum * turns[:, None], n=len(rows), axis=0)
    return surrogate


def markov_order(symbols: Sequence[Hashable] | NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """An order of the steps of ``symbols`` (T,) after which every transition occurs as often as before; (T,) int64.

    ``symbols[order]`` is drawn uniformly from all sequences with the same first symbol and the same transition
    counts, which is how a Markov chain of order 1 is distributed once these are known, so the test is exact. The steps
    with one symbol take its places in random order. A sequence with a single such arrangement (all symbols distinct,
    or a pure cycle) is its own only surrogate.
    """
    codes = _codes(symbols)
    if not len(codes):
        return np.empty(0, np.int64)
    exits = [codes[1:][codes[:-1] == state] for state in range(codes.max() + 1)]
    path = _random_path(exits, int(codes[0]), int(codes[-1]), rng)
    order = np.empty(len(codes), np.int64)
    for state in range(len(exits)):
        order[path == state] = rng.permutation(np.flatnonzero(codes == state))
    return order


def markov_surrogate(symbols: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """``symbols`` (T,) arranged anew with the same transition counts, as ``markov_order`` says."""
    return symbols[markov_order(symbols, rng)]


def _codes(symbols: Sequence[Hashable] | NDArray[Any]) -> NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(symbol, len(numbers)) for symbol in symbols], dtype=np.int64)


def _random_path(exits: list[NDArray[np.int64]], first: int, last: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A uniformly random Eulerian path: a random tree of last exits, the other exits in random order (BEST theorem)."""
    tree = _last_exits(exits, last, rng)
    queues = []
    for state, successors in enumerate(exits):
        kept = successors.tolist()
        if state in tree:
            kept.remove(tree[state])
        drawn = [kept[place] for place in rng.permutation(len(kept))]
        queues.append(iter([*drawn, tree[state]] if state in tree else drawn))
    path = [first]
    while (following := next(queues[path[-1]], None)) is not None:
        path.append(following)
    return np.array(path, np.int64)


def _last_exits(exits: list[NDArray[np.int64]], last: int, rng: np.random.Generator) -> dict[int, int]:
    """A random spanning tree towards ``last``, each edge weighted by its count: Wilson's loop-erased random walks."""
    tree: dict[int, int] = {}
    reached = {last}
    for state in range(len(exits)):
        node = state
        while node not in reached:
            tree[node] = int(exits[node][rng.integers(len(exits[node]))])
            node = tree[node]
        node = state
        while node not in reached:
            reached.add(node)
            node = tree[node]
    return tree
