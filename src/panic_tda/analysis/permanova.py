"""Which factor decides? Decomposition of the distances between runs by factors (PERMANOVA).

With D the distances between n runs, −½ J D² J (J takes off the mean) holds the inner products of points that lie so
far apart, and the sum of squares of a factor is the trace of that matrix on what the factor adds to all others. For
Euclidean distances this is the multivariate analysis of variance of the points; for |x − y| it is the common one.

A factor's share is ω², what it explains less what as many random columns would: (SS − df · MSᵣ) / (SS total + MSᵣ).
Unlike R² it is 0 on average for a factor that does nothing. Its interval is a bootstrap over runs: residuals are drawn
anew and added to the effects, shrunk to the size that ω² gives them; the levels are taken as the ones of interest.

p-values: if a factor varies among runs that agree in all other factors, its levels are dealt anew among these, which
is exact whatever the others do. Otherwise what the other factors explain is taken off and the residuals are dealt anew
(Freedman & Lane, J. Bus. Econ. Stat. 1 (1983)), which is nearly so.

Anderson, "A new method for non-parametric multivariate analysis of variance", Austral Ecol. 26 (2001); McArdle &
Anderson, "Fitting multivariate models to community data", Ecology 82 (2001); Winkler et al., "Permutation inference
for the general linear model", NeuroImage 92 (2014); Olejnik & Algina, Psychol. Methods 8 (2003) for ω².
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.bootstrap import Interval
from panic_tda.analysis.dispersion import dispersion_p_value
from panic_tda.analysis.factor_design import FactorDesign, crossed, factor_design, numbered
from panic_tda.analysis.principal_coordinates import PrincipalCoordinates, principal_coordinates
from panic_tda.analysis.rearrangement import Scheme, rearrangements, scheme_of
from panic_tda.errors import RequestError

_ROUNDING = 1e-12
"""Share of a sum of squares that is nothing but rounding."""


class Effect(NamedTuple):
    """What one factor explains beyond all others.

    ``share``: ω² of all variation, with its interval; ``partial_r2``: SS / (SS + SS of the residuals). ``p_value`` is
    the share of rearrangements, itself included, with as great a ``pseudo_f``; ``ways`` bounds how many different
    ones there are. ``dispersion_p``: p-value of equal spread in all levels. A factor that adds nothing to the others
    has ``df`` 0; where ``df`` or the residual degrees of freedom are 0 all numbers are NaN.
    """

    factor: str
    levels: int
    df: int
    sum_of_squares: float
    pseudo_f: float
    p_value: float
    partial_r2: float
    share: Interval
    scheme: Scheme
    ways: float
    dispersion_p: float
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class Permanova:
    """The ``effects`` of all factors and what no factor explains.

    ``unexplained``: n · MSᵣ / (SS total + MSᵣ); in a balanced design it and the shares sum to 1. ``residual_df``:
    degrees of freedom behind it; ``n`` runs; p-values out of ``permutations`` rearrangements.
    """

    effects: tuple[Effect, ...]
    unexplained: float
    residual_df: int
    total_sum_of_squares: float
    n: int
    permutations: int
    cautions: tuple[str, ...]


class _Fit(NamedTuple):
    """Coordinates of the runs with the design, the residual mean square, and the total sum of squares."""

    coordinates: PrincipalCoordinates
    design: FactorDesign
    mean_square: float
    total: float


def permanova(
    distances: ArrayLike,
    factors: Mapping[str, Sequence[Hashable]],
    rng: np.random.Generator,
    *,
    within: Sequence[Hashable] | None = None,
    permutations: int = 999,
    resamples: int = 500,
    level: float = 0.95,
) -> Permanova:
    """Decomposes ``distances`` (n, n) between runs by ``factors``, each a label for each run.

    ``within``: labels (n,) between which nothing is rearranged (blocks of runs that differ for reasons not asked
    about). Time about n² · levels · (permutations + resamples). Raises ``RequestError`` for distances that
    ``principal_coordinates`` refuses, factors that ``factor_design`` refuses, ``within`` of another length, fewer than
    one permutation or resample, or a level outside (0, 1).
    """
    if permutations < 1 or resamples < 1 or not 0.0 < level < 1.0:
        raise RequestError("permutations and resamples must be at least 1, and the level lie between 0 and 1")
    coordinates = principal_coordinates(distances)
    design = factor_design(factors, len(coordinates.points))
    blocks = np.zeros(len(coordinates.points), np.int64) if within is None else numbered(within)
    if len(blocks) != len(coordinates.points):
        raise RequestError(f"within has {len(blocks)} labels for {len(coordinates.points)} runs")
    fit = _fit(coordinates, design)
    spread = _bootstrap(fit, rng, resamples)
    effects = tuple(_effect(name, fit, blocks, rng, permutations, spread[name], level) for name in design.codes)
    n, unexplained = len(blocks), np.nan
    if fit.total > 0.0 and design.residual_df:
        unexplained = n * fit.mean_square / (fit.total + fit.mean_square)
    return Permanova(effects, unexplained, design.residual_df, fit.total, n, permutations, _cautions(fit))


def _fit(coordinates: PrincipalCoordinates, design: FactorDesign) -> _Fit:
    total = coordinates.squares(coordinates.points)
    left = total - coordinates.squares(design.whole.T @ coordinates.points)
    left = left if left > _ROUNDING * total else 0.0
    return _Fit(coordinates, design, left / design.residual_df if design.residual_df else np.nan, total)


def _effect(
    name: str,
    fit: _Fit,
    blocks: NDArray[np.int64],
    rng: np.random.Generator,
    permutations: int,
    spread: NDArray[np.float64],
    level: float,
) -> Effect:
    design, n = fit.design, len(blocks)
    levels, df = int(design.codes[name].max()) + 1, design.own[name].shape[1]
    cells = crossed([design.cells[name], blocks], n)
    scheme, ways, strata = scheme_of(design.codes[name], cells, blocks, df)
    if not df or not design.residual_df or fit.total <= 0.0:
        nothing = Interval(np.nan, np.nan, np.nan, level, n)
        nan = float("nan")
        return Effect(name, levels, df, nan, nan, nan, nan, nothing, scheme, ways, nan, design.cautions[name])
    explained, left = _explained(fit, name), fit.mean_square * design.residual_df
    ratio = explained / df / fit.mean_square if fit.mean_square > 0.0 else np.inf if explained > 0.0 else 0.0
    p_value = _p_value(fit, name, scheme, rearrangements(strata, permutations, rng))
    dispersion_p = dispersion_p_value(fit.coordinates, design.others[name], design.codes[name], rng)
    low, high = np.quantile(spread, [(1.0 - level) / 2, (1.0 + level) / 2]).tolist()
    return Effect(
        factor=name,
        levels=levels,
        df=df,
        sum_of_squares=explained,
        pseudo_f=float(ratio),
        p_value=p_value,
        partial_r2=explained / (explained + left) if explained + left > 0.0 else 0.0,
        share=Interval(_omega_squared(explained, df, fit.mean_square, fit.total), low, high, level, n),
        scheme=scheme,
        ways=ways,
        dispersion_p=dispersion_p,
        cautions=design.cautions[name] + _effect_cautions(ways, dispersion_p),
    )


def _explained(fit: _Fit, name: str) -> float:
    explained = fit.coordinates.squares(fit.design.own[name].T @ fit.coordinates.points)
    return explained if explained > _ROUNDING * fit.total else 0.0


def _omega_squared(explained: float, df: int, mean_square: float, total: float) -> float:
    return (explained - df * mean_square) / (total + mean_square)


def _p_value(fit: _Fit, name: str, scheme: Scheme, orders: NDArray[np.int64]) -> float:
    """Compares partial R², which grows with the pseudo-F and stays finite when nothing is left unexplained."""
    own, others = fit.design.own[name], fit.design.others[name]
    left = fit.coordinates.points - others @ (others.T @ fit.coordinates.points)
    total, df = fit.coordinates.squares(left), own.shape[1]
    if total <= _ROUNDING * fit.total:
        return 1.0
    # Inside the cells of the other factors nothing can be dealt that these explain.
    basis = own if scheme == "within cells" else np.hstack([own, others])

    def partial_r2(order: NDArray[np.int64] | slice) -> float:
        squares = (basis[order].T @ left) ** 2 @ fit.coordinates.signs
        rest = total - float(squares[df:].sum())
        return float(squares[:df].sum()) / rest if rest > _ROUNDING * total else 0.0

    observed = partial_r2(slice(None))
    as_great = sum(partial_r2(order) >= observed - 1e-9 for order in orders)
    return (1 + as_great) / (1 + len(orders))


def _bootstrap(fit: _Fit, rng: np.random.Generator, resamples: int) -> dict[str, NDArray[np.float64]]:
    """ω² of each factor in ``resamples`` sets of runs with the estimated effects and residuals drawn anew."""
    design, points = fit.design, fit.coordinates.points
    n, found = len(points), {name: np.full(resamples, np.nan) for name in design.codes}
    if not design.residual_df or fit.total <= 0.0:
        return found
    residuals = (points - design.whole @ (design.whole.T @ points)) * np.sqrt(n / design.residual_df)
    fitted = _shrunk_effects(fit)
    for number in range(resamples):
        points = fitted + residuals[rng.integers(n, size=n)]
        points -= points.mean(axis=0)
        again = _fit(PrincipalCoordinates(points, fit.coordinates.signs), design)
        for name, shares in found.items():
            explained = _explained(again, name)
            shares[number] = _omega_squared(explained, design.own[name].shape[1], again.mean_square, again.total)
    return found


def _shrunk_effects(fit: _Fit) -> NDArray[np.float64]:
    design = fit.design
    columns = {name: design.effect(name) for name in design.codes}
    coefficients = np.linalg.lstsq(np.hstack(list(columns.values())), fit.coordinates.points, rcond=None)[0]
    fitted, first = np.zeros_like(fit.coordinates.points), 0
    for name, effect in columns.items():
        explained, df = _explained(fit, name), design.own[name].shape[1]
        size = max(0.0, 1.0 - df * fit.mean_square / explained) if explained > 0.0 else 1.0
        fitted += np.sqrt(size) * effect @ coefficients[first : first + effect.shape[1]]
        first += effect.shape[1]
    return fitted


def _effect_cautions(ways: float, dispersion_p: float) -> tuple[str, ...]:
    said = {
        f"only {ways:.0f} ways to deal its levels to the runs, so p is at least {1 / max(1.0, ways):.2g}": ways < 1000,
        f"the levels differ in spread (p = {dispersion_p:.2g}), so p may be about spread": dispersion_p <= 0.01,
    }
    return tuple(words for words, holds in said.items() if holds)


def _cautions(fit: _Fit) -> tuple[str, ...]:
    said = {
        "all runs lie in the same place": fit.total <= 0.0,
        "no run is left over to measure chance by": fit.design.residual_df == 0,
        f"only {fit.design.residual_df} degrees of freedom to measure chance by": 0 < fit.design.residual_df < 10,
        "some distances are not Euclidean": bool((fit.coordinates.signs < 0.0).any()),
    }
    return tuple(words for words, holds in said.items() if holds)
