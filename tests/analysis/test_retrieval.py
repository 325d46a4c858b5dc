from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from panic_tda.analysis.effective_rank import effective_rank
from panic_tda.analysis.retrieval import discounted_gain, ranks, recall, reciprocal_rank
from panic_tda.errors import RequestError

SIMILARITIES = [[0.9, 0.1, 0.5], [0.9, 0.4, 0.1], [0.3, 0.2, 0.1]]


def test_ranks_and_measures_known_by_hand() -> None:
    found = ranks(SIMILARITIES)
    assert found.tolist() == [1, 2, 3]
    np.testing.assert_allclose(discounted_gain(found, 10), [1.0, 1 / np.log2(3), 0.5])
    np.testing.assert_allclose(discounted_gain(found, 2), [1.0, 1 / np.log2(3), 0.0])
    np.testing.assert_allclose(reciprocal_rank(found, 2), [1.0, 0.5, 0.0])
    assert recall(found, 1).tolist() == [1, 0, 0]


def test_vectors_that_are_all_the_same_or_broken_find_nothing() -> None:
    assert ranks(np.ones((20, 20))).tolist() == [20] * 20
    assert ranks(np.full((20, 20), np.nan)).tolist() == [20] * 20


def test_what_is_not_square_is_refused() -> None:
    with pytest.raises(RequestError, match="square"):
        ranks(np.ones((2, 3)))


@given(arrays.arrays(np.float64, st.integers(1, 12).map(lambda n: (n, n)), elements=st.floats(-1, 1)))
def test_measures_lie_between_0_and_1_and_better_ranks_never_score_less(
    similarities: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    found = ranks(similarities)
    order = np.argsort(found)
    for measure in (discounted_gain, reciprocal_rank, recall):
        values = measure(found, 10)
        assert ((values >= 0) & (values <= 1)).all()
        assert (np.diff(values[order]) <= 0).all()


def test_the_evaluator_of_sentence_transformers_agrees() -> None:
    pytest.importorskip("sentence_transformers", reason="pip install 'panic-tda[torch]'")
    import torch
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    rng = np.random.default_rng(0)
    documents = rng.normal(size=(60, 8))
    queries = documents + 1.5 * rng.normal(size=documents.shape)
    queries, documents = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, documents))
    names = [str(number) for number in range(60)]
    evaluator = InformationRetrievalEvaluator(
        queries=dict(zip(names, names, strict=True)),
        corpus=dict(zip(names, names, strict=True)),
        relevant_docs={name: {name} for name in names},
        accuracy_at_k=[10],
        precision_recall_at_k=[1, 5, 10],
        mrr_at_k=[10],
        ndcg_at_k=[10],
        map_at_k=[10],
        score_functions={"cosine": lambda a, b: torch.as_tensor(a) @ torch.as_tensor(b).T},
        write_csv=False,
    )

    class Known:
        """A model whose vectors are those above."""

        similarity_fn_name = "cosine"

        def encode_query(self, texts: list[str], **_: object) -> object:
            return torch.tensor(queries[[int(text) for text in texts]])

        def encode_document(self, texts: list[str], **_: object) -> object:
            return torch.tensor(documents[[int(text) for text in texts]])

    theirs = evaluator.compute_metrices(Known())["cosine"]
    mine = ranks(queries @ documents.T)
    assert discounted_gain(mine, 10).mean() == pytest.approx(theirs["ndcg@k"][10])
    assert reciprocal_rank(mine, 10).mean() == pytest.approx(theirs["mrr@k"][10])
    for k in (1, 5, 10):
        assert recall(mine, k).mean() == pytest.approx(theirs["recall@k"][k])


def test_the_effective_rank_counts_directions() -> None:
    axes = np.concatenate([np.eye(5), -np.eye(5)])
    assert effective_rank(axes) == pytest.approx(5.0)
    assert effective_rank(axes @ np.diag([1, 1, 0, 0, 0])) == pytest.approx(2.0)
    assert effective_rank(np.ones((10, 5))) == 0.0
    assert effective_rank(np.full((10, 5), np.nan)) == 0.0
    same = np.tile(np.random.default_rng(0).normal(size=16), (10, 1)).astype(np.float32)
    assert effective_rank(same + np.float32(1e-8)) == 0.0
