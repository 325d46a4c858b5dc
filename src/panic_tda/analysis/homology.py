"""Persistent homology of the Vietoris–Rips filtration of a trajectory.

Conventions. Distances are Euclidean; a simplex enters at its longest edge; coefficients are in Z/2. H0 has exactly one
infinite bar, the component that is left. The points are stored as float32, which displaces a point x by up to
2⁻²⁴·|x|; by stability each end of a bar then moves by up to twice that, so a bar of length ≤ 2⁻²²·max|x| (the
``resolution``) cannot be told from one of length zero. Bars of length zero in this sense are dropped.

Sources: Edelsbrunner, Letscher & Zomorodian (2002); Cohen-Steiner, Edelsbrunner & Harer, "Stability of persistence
diagrams" (2007); Chazal, de Silva & Oudot, "Persistence stability for geometric complexes" (2014); RedZeD, arXiv
2606.06310; GUDHI, https://gudhi.inria.fr.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panic_tda.analysis.distances import euclidean_distances, merge_repeats
from panic_tda.analysis.edge_collapse import collapse_edges, enclosing_radius, is_collapsible
from panic_tda.analysis.landmarks import maxmin_landmarks
from panic_tda.errors import PanicError, RequestError

Bars: TypeAlias = NDArray[np.float64]
Engine = Literal["redzed", "gudhi"]


@dataclass(frozen=True, slots=True, eq=False)
class PersistenceDiagram:
    """Bars of a trajectory and what they were computed from; lengths are in the unit of the points.

    ``bars[k]`` (n_k, 2) float64: birth and death of the k-dimensional features, sorted by birth, then death.
    ``points``: steps of the trajectory, T. ``distinct_points``: rows left when exact repeats are merged.
    ``multiplicity`` (distinct_points,) int64: how often each of these occurs, in order of first appearance.
    ``used_points``: rows the filtration was built on; fewer than ``distinct_points`` when landmarks stand for all.
    ``covering_radius``: greatest distance from a distinct point to its landmark; 0.0 when all were used.
    ``resolution``: bars up to this length count as zero-length and are left out.
    """

    bars: tuple[Bars, ...]
    points: int
    distinct_points: int
    multiplicity: NDArray[np.int64]
    used_points: int
    covering_radius: float
    resolution: float
    engine: Engine


def persistence_diagram(
    points: ArrayLike, *, max_dim: int = 2, engine: Engine = "redzed", max_points: int = 2000
) -> PersistenceDiagram:
    """Vietoris–Rips bars H0 … H ``max_dim`` of the rows of ``points`` (T, d), taken as float32.

    Exact repeats are merged first: they would only add zero-length bars. No points have no bars, one distinct point
    has one infinite H0 bar.

    Time grows as the third power of the distinct points (H2). With ``max_dim`` ≥ 2 and more than ``max_points`` of
    them, ``max_points`` max–min landmarks stand for all: the bottleneck distance between the diagrams of the
    landmarks and of all points is then at most 2 · ``covering_radius``, because the Hausdorff distance between
    the two sets is ``covering_radius``. ``used_points`` < ``distinct_points`` says so.

    Raises ``RequestError`` for points that are not finite or not two-dimensional, ``max_dim`` < 0, ``max_points`` < 1
    or an unknown engine; ``PanicError`` when an engine returns bars that no metric space can have.
    """
    _check_request(max_dim, engine, max_points)
    distinct = merge_repeats(points)
    count = len(distinct.points)
    landmarks = maxmin_landmarks(distinct.points, max_points if max_dim >= 2 else max(count, 1))
    used = distinct.points[landmarks.rows]
    resolution = 2.0**-22 * float(np.linalg.norm(used.astype(np.float64), axis=1).max(initial=0.0))
    bars = _rips(euclidean_distances(used), max_dim, engine)
    return PersistenceDiagram(
        bars=tuple(_canonical(dimension, resolution) for dimension in bars),
        points=len(distinct.index),
        distinct_points=count,
        multiplicity=distinct.multiplicity,
        used_points=len(used),
        covering_radius=landmarks.covering_radius,
        resolution=resolution,
        engine=engine,
    )


def _check_request(max_dim: int, engine: str, max_points: int) -> None:
    if engine not in _ENGINES:
        raise RequestError(f"no homology engine is named {engine!r}", hint=f"choose one of {', '.join(_ENGINES)}")
    if max_dim < 0:
        raise RequestError(f"max_dim must be at least 0, got {max_dim}")
    if max_points < 1:
        raise RequestError(f"max_points must be at least 1, got {max_points}")


def _rips(distances: NDArray[np.float64], max_dim: int, engine: Engine) -> list[Bars]:
    if len(distances) < 2:
        component = np.array([[0.0, np.inf]])[: len(distances)]
        return [component] + [np.empty((0, 2))] * max_dim
    bars = _ENGINES[engine](distances, max_dim)
    fault = _fault(bars, len(distances), max_dim)
    if fault:
        other = next(name for name in _ENGINES if name != engine)
        raise PanicError(f"{engine} returned impossible bars: {fault}", hint=f"use engine={other!r} and report this")
    return bars


def _redzed_bars(distances: NDArray[np.float64], max_dim: int) -> list[Bars]:
    """RedZeD on the collapsed edges where the cloud collapses, else on all of them.

    It computes in float32 and is given order-preserving codes, so the bars carry the exact float64 distances: the
    consecutive float32 numbers from 1.0 on, of which there are 2³⁰, enough for 46,000 points.
    """
    import redzed_tda

    one = np.float32(1.0).view(np.uint32)
    radius = enclosing_radius(distances)
    if max_dim >= 2 and is_collapsible(distances):
        distances = collapse_edges(distances, absent=2 * radius)
    values, rank = np.unique(distances[np.triu_indices(len(distances), 1)], return_inverse=True)
    codes = (one + np.arange(len(values), dtype=np.uint32)).view(np.float32).astype(np.float64)

    def decoded(coded: Bars) -> Bars:
        bars = coded.copy()
        edge = np.isfinite(coded) & (coded > 0.0)
        bars[edge] = values[coded[edge].astype(np.float32).view(np.uint32) - one]
        return bars

    reached = codes[np.searchsorted(values, radius, side="right") - 1]
    return [decoded(bars) for bars in redzed_tda.rips(codes[rank], maxdim=max_dim, threshold=reached)]


def _gudhi_bars(distances: NDArray[np.float64], max_dim: int) -> list[Bars]:
    """GUDHI on the graph up to the enclosing radius (beyond it the complex is a cone), after one edge collapse."""
    import gudhi

    radius = enclosing_radius(distances)
    graph = gudhi.RipsComplex(distance_matrix=distances, max_edge_length=radius).create_simplex_tree(max_dimension=1)
    graph.collapse_edges()
    # GUDHI leaves out the homology of a complex's top dimension, so the complex has one dimension more than asked for.
    graph.expansion(max_dim + 1)
    graph.compute_persistence(homology_coeff_field=2)
    return [graph.persistence_intervals_in_dimension(k).reshape(-1, 2) for k in range(max_dim + 1)]


_ENGINES: dict[str, Callable[[NDArray[np.float64], int], list[Bars]]] = {
    "redzed": _redzed_bars,
    "gudhi": _gudhi_bars,
}


def _fault(bars: list[Bars], count: int, max_dim: int) -> str:
    """What no Rips filtration of ``count`` points at positive distances can show; empty when all is well."""
    if len(bars) != max_dim + 1:
        return f"{len(bars)} dimensions instead of {max_dim + 1}"
    infinite = [int(np.isinf(dimension[:, 1]).sum()) for dimension in bars]
    if infinite != [1] + [0] * max_dim:
        return f"infinite bars by dimension {infinite}"
    if not all((dimension[:, 1] >= dimension[:, 0]).all() for dimension in bars):
        return "a death before its birth"
    if len(bars[0]) != count or bars[0][:, 0].any():
        return f"{len(bars[0])} components of {count} points, or one born after 0"
    return ""


def _canonical(bars: Bars, resolution: float) -> Bars:
    lasting = bars[bars[:, 1] - bars[:, 0] > resolution]
    return lasting[np.lexsort((lasting[:, 1], lasting[:, 0]))]
