"""Mathematics on arrays: arrays in, named tuples out. Knows nothing of experiments or databases.

Every statistic is a function here; what it returns carries its interval and, as ``cautions``, in what way the number
may not mean what it seems to. The modules hold one method each, with its formula and source.
"""

from __future__ import annotations

from panic_tda.analysis.attractor_regression import attractor_regression
from panic_tda.analysis.bootstrap import Interval, bootstrap_interval
from panic_tda.analysis.change_points import change_points
from panic_tda.analysis.closed_classes import closed_classes
from panic_tda.analysis.cluster_stability import adjusted_rand, subsampling_stability
from panic_tda.analysis.clustering import Clustering, cluster
from panic_tda.analysis.core_sets import core_set_sequences
from panic_tda.analysis.diagram_distances import bottleneck_distance, distance_matrix, lifetime_l1, wasserstein_distance
from panic_tda.analysis.distance_agreement import DistanceAgreement, distance_agreement
from panic_tda.analysis.distance_to_round_zero import distance_to_round_zero
from panic_tda.analysis.distances import Distinct, euclidean_distances, merge_repeats
from panic_tda.analysis.divergence import DivergenceCurve, divergence_curve, prompt_divergence
from panic_tda.analysis.drift import distance_to_previous, distance_to_start
from panic_tda.analysis.dwell_law import dwell_law
from panic_tda.analysis.dwell_times import dwell_time, stays
from panic_tda.analysis.entropy_rate import entropy_rate
from panic_tda.analysis.generations import first_against_last
from panic_tda.analysis.group_test import GroupTest, group_test
from panic_tda.analysis.homology import PersistenceDiagram, persistence_diagram
from panic_tda.analysis.irreversibility import irreversibility
from panic_tda.analysis.linear_cka import linear_cka
from panic_tda.analysis.lyapunov import LyapunovExponent, lyapunov_exponent
from panic_tda.analysis.markov_chain import MarkovChain, markov_chain
from panic_tda.analysis.mean_cumulative_drift import mean_cumulative_drift, semantic_drift_rate
from panic_tda.analysis.medoids import medoids
from panic_tda.analysis.mixing_time import mixing_time, spectral_gap
from panic_tda.analysis.motifs import motif_table
from panic_tda.analysis.mutual_information import adjusted_mutual_information
from panic_tda.analysis.neighbour_overlap import NeighbourOverlap, neighbour_overlap
from panic_tda.analysis.outlier_diagnosis import outlier_diagnosis
from panic_tda.analysis.periodicity import periodicity
from panic_tda.analysis.permanova import Permanova, permanova
from panic_tda.analysis.persistent_entropy import EntropyResult, persistent_entropy
from panic_tda.analysis.pooled_relaxation import pooled_relaxation_time
from panic_tda.analysis.procrustes_distance import Procrustes, procrustes_distance
from panic_tda.analysis.recoverability import Recoverability, prompt_recoverability
from panic_tda.analysis.recurrence import Absorption, exact_absorption, recurrence_matrix, threshold_at_quantile
from panic_tda.analysis.recurrence_quantification import (
    RecurrenceQuantification,
    recurrence_quantification,
    recurrence_test,
)
from panic_tda.analysis.relaxation import RelaxationFit, relaxation_time
from panic_tda.analysis.return_times import ReturnTimes, return_times
from panic_tda.analysis.rosenstein import nearest_neighbour_exponent
from panic_tda.analysis.run_lengths import run_lengths
from panic_tda.analysis.shares import share_interval
from panic_tda.analysis.sliced_wasserstein import sliced_wasserstein_distance, sliced_wasserstein_matrix
from panic_tda.analysis.sliding_window import WindowPeriodicity, window_periodicity
from panic_tda.analysis.stationary import stationary_distribution
from panic_tda.analysis.surrogates import (
    SurrogateTest,
    markov_surrogate,
    phase_surrogate,
    shuffled_surrogate,
    surrogate_test,
)
from panic_tda.analysis.survival import Survival, kaplan_meier
from panic_tda.analysis.trajectory_dispersion import dispersion
from panic_tda.analysis.transition_matrix import TransitionCounts, transition_counts, transition_matrix
from panic_tda.analysis.twins import TwinGrowth, twin_growth

__all__ = [
    "Absorption",
    "Clustering",
    "DistanceAgreement",
    "Distinct",
    "DivergenceCurve",
    "EntropyResult",
    "GroupTest",
    "Interval",
    "LyapunovExponent",
    "MarkovChain",
    "NeighbourOverlap",
    "Permanova",
    "PersistenceDiagram",
    "Procrustes",
    "Recoverability",
    "RecurrenceQuantification",
    "RelaxationFit",
    "ReturnTimes",
    "SurrogateTest",
    "Survival",
    "TransitionCounts",
    "TwinGrowth",
    "WindowPeriodicity",
    "adjusted_mutual_information",
    "adjusted_rand",
    "attractor_regression",
    "bootstrap_interval",
    "bottleneck_distance",
    "change_points",
    "closed_classes",
    "cluster",
    "core_set_sequences",
    "dispersion",
    "distance_agreement",
    "distance_matrix",
    "distance_to_previous",
    "distance_to_round_zero",
    "distance_to_start",
    "divergence_curve",
    "dwell_law",
    "dwell_time",
    "entropy_rate",
    "euclidean_distances",
    "exact_absorption",
    "first_against_last",
    "group_test",
    "irreversibility",
    "kaplan_meier",
    "lifetime_l1",
    "linear_cka",
    "lyapunov_exponent",
    "markov_chain",
    "markov_surrogate",
    "mean_cumulative_drift",
    "medoids",
    "merge_repeats",
    "mixing_time",
    "motif_table",
    "nearest_neighbour_exponent",
    "neighbour_overlap",
    "outlier_diagnosis",
    "periodicity",
    "permanova",
    "persistence_diagram",
    "persistent_entropy",
    "phase_surrogate",
    "pooled_relaxation_time",
    "procrustes_distance",
    "prompt_divergence",
    "prompt_recoverability",
    "recurrence_matrix",
    "recurrence_quantification",
    "recurrence_test",
    "relaxation_time",
    "return_times",
    "run_lengths",
    "semantic_drift_rate",
    "share_interval",
    "shuffled_surrogate",
    "sliced_wasserstein_distance",
    "sliced_wasserstein_matrix",
    "spectral_gap",
    "stationary_distribution",
    "stays",
    "subsampling_stability",
    "surrogate_test",
    "threshold_at_quantile",
    "transition_counts",
    "transition_matrix",
    "twin_growth",
    "wasserstein_distance",
    "window_periodicity",
]
