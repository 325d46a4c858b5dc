"""HDBSCAN: clusters are the regions of high density that last longest as the density threshold rises.

Campello, Moulavi & Sander, "Density-based clustering based on hierarchical density estimates", PAKDD 2013; the
implementation is scikit-learn's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panic_tda.analysis.unit_vectors import chord_distances

BYTES_FOR_EACH_PAIR = 24
"""Memory at the peak for each pair of vectors: the matrix, and two of its size while scikit-learn checks it."""


def hdbscan_labels(units: NDArray[np.float64], min_cluster_size: int, min_samples: int) -> NDArray[np.int64]:
    """A cluster for each of the distinct ``units`` (n, d), rows of length 1; (n,) int64, −1 for an outlier.

    The distances are one matrix product, which scikit-learn takes as it is: the labels are those it finds from the
    vectors, many times sooner. A cluster is what parts from another, so a single one with nothing beside it is not
    found. Fewer rows than ``min_samples`` or ``min_cluster_size`` are all outliers. Time n²·d.
    """
    if len(units) < max(2, min_samples, min_cluster_size):
        return np.full(len(units), -1)
    from sklearn.cluster import HDBSCAN

    method = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, metric="precomputed", copy=False)
    return np.asarray(method.fit(chord_distances(units)).labels_, dtype=np.int64)
