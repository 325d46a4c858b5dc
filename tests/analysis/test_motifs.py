from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from panic_tda.analysis.motifs import motif_table
from panic_tda.errors import RequestError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_table_counts_runs_and_its_statistics_are_those_of_the_textbook() -> None:
    """Doctoral example: 10, 20 against 30, 40; χ² and G worked out by hand."""
    motifs = ["tower"] * 30 + ["storm"] * 70
    models = ["A"] * 10 + ["B"] * 20 + ["A"] * 30 + ["B"] * 40
    found = motif_table(motifs, models, rng())
    assert (found.motifs, found.models) == (("tower", "storm"), ("A", "B"))
    assert found.counts.tolist() == [[10, 20], [30, 40]]
    assert found.chi_square == pytest.approx(2**2 / 12 + 2**2 / 18 + 2**2 / 28 + 2**2 / 42)
    assert found.g == pytest.approx(2 * (10 * np.log(10 / 12) + 20 * np.log(20 / 18)
                                         + 30 * np.log(30 / 28) + 40 * np.log(40 / 42)))  # fmt: skip
    assert found.cramers_v == pytest.approx(np.sqrt(found.chi_square / 100))
    assert (found.n, found.cautions) == (100, ())
    assert found.p_chi_square == pytest.approx(0.5, abs=0.1)


def test_a_model_that_settles_the_motif_has_v_1_and_the_least_p() -> None:
    labels = ["x", "y", "z"] * 10
    found = motif_table(labels, labels, rng(), permutations=199)
    assert found.cramers_v == pytest.approx(1.0)
    assert (found.p_chi_square, found.p_g) == (1 / 200, 1 / 200)
    assert 0.1 < found.chance_v < 0.4


def test_what_a_prompt_does_is_no_evidence_for_the_model_within_strata() -> None:
    prompts = ["p"] * 20 + ["q"] * 20
    models = ["A"] * 15 + ["B"] * 5 + ["A"] * 5 + ["B"] * 15
    assert motif_table(prompts, models, rng()).p_g < 0.01
    assert motif_table(prompts, models, rng(), strata=prompts).p_g == 1.0


def test_strata_let_a_model_be_seen_through_the_prompts() -> None:
    prompts = [f"{prompt}" for prompt in range(12) for _ in range(4)]
    models = ["A", "A", "B", "B"] * 12
    motifs = [f"{int(prompt) % 6} {model if int(prompt) < 6 else ''}"
              for prompt, model in zip(prompts, models, strict=True)]  # fmt: skip
    within = motif_table(motifs, models, rng(), strata=prompts)
    assert within.p_chi_square < 0.01


def test_chance_v_is_what_independent_tables_show() -> None:
    generator = rng(1)
    shown = []
    for _ in range(60):
        found = motif_table(generator.integers(5, size=40).tolist(), ["A", "B"] * 20, generator, permutations=19)
        shown.append((found.cramers_v, found.chance_v))
    assert np.mean(shown, axis=0)[0] == pytest.approx(np.mean(shown, axis=0)[1], abs=0.03)


def test_nothing_to_compare_and_few_runs_are_cautioned() -> None:
    lone = motif_table(["x"] * 4, ["A", "A", "B", "B"], rng())
    assert (lone.cramers_v, lone.p_chi_square) == (0.0, 1.0)
    assert lone.cautions == ("only 4 runs", "a single motif or a single model: there is nothing to compare")
    fixed = motif_table(["x", "y"] * 10, ["A", "B"] * 10, rng(), strata=["p", "q"] * 10)
    assert fixed.p_chi_square == 1.0
    assert fixed.cautions == ("no stratum has runs of two models: nothing can be exchanged, p is 1",)


@pytest.mark.parametrize(
    ("motifs", "models", "more"),
    [
        ([], [], {}),
        (["x"], ["A", "B"], {}),
        (["x"], ["A"], {"strata": []}),
        (["x"], ["A"], {"permutations": 0}),
    ],
)
def test_lists_of_unequal_length_are_refused(motifs: list[str], models: list[str], more: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="one motif"):
        motif_table(motifs, models, rng(), **more)
