from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from panic_tda.analysis.cluster_stability import adjusted_rand
from panic_tda.analysis.evoc import EvocLayer, evoc_layers
from panic_tda.analysis.unit_vectors import unit_vectors
from panic_tda.errors import PrerequisiteError, RequestError
from support.clusters import planted

PROGRAM = """
import hashlib
import numpy as np
from panic_tda.analysis.evoc import evoc_layers
from panic_tda.analysis.unit_vectors import unit_vectors
rng = np.random.default_rng(3)
units = unit_vectors(rng.normal(size=(2500, 8)))
layers = evoc_layers(units, 5, 5, np.random.default_rng(11))
print(hashlib.sha256(b"".join(layer.labels.tobytes() for layer in layers)).hexdigest())
"""


def layers_of(seed: int, count: int = 300) -> list[EvocLayer]:
    units = unit_vectors(np.random.default_rng(3).normal(size=(count, 8)))
    return evoc_layers(units, 5, 5, np.random.default_rng(seed))


def digest(layers: list[EvocLayer]) -> str:
    return hashlib.sha256(b"".join(layer.labels.tobytes() for layer in layers)).hexdigest()


def test_another_process_with_more_threads_gives_the_same_labels() -> None:
    # Of so many vectors EVoC itself makes other labels with three threads than with one or two.
    environment = os.environ | {"NUMBA_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(layers_of(11, 2500))


def test_another_seed_gives_other_labels() -> None:
    assert digest(layers_of(11)) != digest(layers_of(12))


def test_layers_come_from_many_clusters_to_few_and_the_base_has_no_persistence() -> None:
    layers = layers_of(11)
    clusters = [int(layer.labels.max()) + 1 for layer in layers]
    assert len(layers) > 1
    assert clusters == sorted(clusters, reverse=True)
    assert min(layer.persistence for layer in layers) == 0.0
    for layer in layers:
        assert layer.labels.shape == (300,)
        assert layer.labels.dtype == np.int64
        assert set(layer.labels) - {-1} == set(range(layer.labels.max() + 1))


def test_planted_clusters_are_found_in_the_most_persistent_layer() -> None:
    cloud = planted(np.random.default_rng(0), (150, 100, 80, 60, 40), dimensions=64)
    best = max(evoc_layers(unit_vectors(cloud.points), 10, 5, np.random.default_rng(0)), key=lambda each: each[1])
    assert adjusted_rand(best.labels, cloud.labels) > 0.7


def test_the_number_of_threads_is_put_back() -> None:
    import numba

    before = numba.get_num_threads()
    layers_of(1)
    assert numba.get_num_threads() == before


@pytest.mark.parametrize("shape", [(15, 8), (40, 3)])
def test_too_few_vectors_or_dimensions_are_refused_with_another_algorithm(shape: tuple[int, int]) -> None:
    with pytest.raises(RequestError, match="evoc needs 16 distinct vectors of 4 dimensions") as caught:
        evoc_layers(unit_vectors(np.random.default_rng(0).normal(size=shape)), 5, 5, np.random.default_rng(0))
    assert "hdbscan" in caught.value.hint


def test_a_missing_package_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(PrerequisiteError, match="the Python package evoc is not installed") as caught:
        layers_of(1)
    assert "panic-tda[evoc]" in caught.value.hint
