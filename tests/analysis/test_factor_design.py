from __future__ import annotations

import numpy as np
import pytest

from panic_tda.analysis.factor_design import FactorDesign, crossed, factor_design, numbered, within_rank
from panic_tda.errors import RequestError


def design(**factors: str) -> FactorDesign:
    return factor_design(factors, len(next(iter(factors.values()))))


def test_crossed_factors_explain_their_levels_less_one_and_have_no_caution() -> None:
    found = design(prompt="aaabbb", seed="123123")
    assert {name: basis.shape[1] for name, basis in found.own.items()} == {"prompt": 1, "seed": 2}
    assert found.residual_df == 2
    assert found.cautions == {"prompt": (), "seed": ()}
    assert found.cells["prompt"].tolist() == [0, 1, 2, 0, 1, 2]


def test_what_a_factor_adds_is_orthogonal_to_the_others_and_orthonormal() -> None:
    found = design(prompt="aabbccab", model="xyxxyyyx")
    for name in found.codes:
        own, others = found.own[name], found.others[name]
        np.testing.assert_allclose(own.T @ others, 0.0, atol=1e-12)
        np.testing.assert_allclose(own.T @ own, np.eye(own.shape[1]), atol=1e-12)
        assert own.shape[1] + others.shape[1] == found.whole.shape[1]


@pytest.mark.parametrize(
    ("factors", "name", "df", "caution"),
    [
        ({"prompt": "aaaa", "seed": "1212"}, "prompt", 0, "all runs have the same"),
        ({"prompt": "abcd", "seed": "1212"}, "prompt", 2, "every run has another"),
        ({"network": "mmnn", "painter": "xxyy"}, "painter", 0, "fixed by the network, so they cannot be told apart"),
        ({"a": "xxyy", "b": "1212", "c": "1221"}, "c", 1, None),
        ({"a": "xxyyzz", "b": "ppqqrr", "c": "121212"}, "a", 0, "fixed by the b, so they cannot be told apart"),
        ({"a": "wwxxyyzz", "b": "12123434"}, "a", 2, "only 2 of 3 differences are not fixed by the other factors"),
        ({"prompt": "aaabbb", "seed": "112122"}, "seed", 1, "not balanced over the prompt"),
    ],
)
def test_factors_that_cannot_be_told_apart_are_named(
    factors: dict[str, str], name: str, df: int, caution: str | None
) -> None:
    found = design(**factors)
    assert found.own[name].shape[1] == df
    assert found.cautions[name] == ((caution,) if caution else ())


def test_effect_columns_are_centred() -> None:
    np.testing.assert_allclose(design(prompt="aabc").effect("prompt").mean(axis=0), 0.0)


def test_levels_that_meet_at_second_hand_are_connected() -> None:
    assert within_rank(numbered("abbc"), numbered("1122")) == 2
    assert within_rank(numbered("aabb"), numbered("1122")) == 0


def test_combinations_are_numbered() -> None:
    assert crossed([numbered("aabb"), numbered("1221")], 4).tolist() == [0, 1, 3, 2]
    assert crossed([], 2).tolist() == [0, 0]


def test_factors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RequestError, match="at least one factor"):
        factor_design({}, 3)
    with pytest.raises(RequestError, match="'seed' has 2 labels for 3 runs"):
        factor_design({"seed": [1, 2]}, 3)
