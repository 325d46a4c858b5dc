"""The tier that the settings choose, for models that have two."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from panic_tda.content import Text
from panic_tda.errors import ConfigurationError
from panic_tda.models.catalogue import find
from panic_tda.models.deployment import using
from panic_tda.models.model import Embedder, Placement, Tier
from panic_tda.settings import Settings

TEXTS = [Text(text) for text in ("A red apple.", "Two ships.", "", "the ship left the harbour at dawn " * 9, "x y z")]


def test_a_model_that_has_both_tiers_follows_the_setting_and_changes_its_version() -> None:
    exact = find("MiniLM")
    assert exact.version == "2+8199be6f699a"
    with using(Settings(tier="seeded")):
        assert (find("MiniLM").tier, find("MiniLM").version) == (Tier.SEEDED, f"{exact.version}.seeded")
    assert find("MiniLM") == exact


@pytest.mark.parametrize("name", ["Glyph", "SmolLM2", "SDXLTurbo", "SigLIP", "DummyText"])
def test_a_model_with_one_tier_stays_as_it_is(name: str) -> None:
    before = find(name)
    with using(Settings(tier="seeded")):
        assert find(name) == before


@pytest.mark.parametrize("tier", ["free", "fast"])
def test_a_tier_that_cannot_be_chosen_is_refused(tier: str) -> None:
    fault = f"must be one of exact, seeded, not {tier!r}"
    with using(Settings(tier=tier)), pytest.raises(ConfigurationError, match=fault):
        find("MiniLM")


def test_the_tier_may_be_chosen_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_TIER", "seeded")
    assert find("MiniLM").tier is Tier.SEEDED


def test_vectors_of_both_tiers_are_nearly_the_same() -> None:
    with using(Settings(tier="seeded")):
        seeded = cast("Embedder", find("MiniLM").load(Placement()))
    exact = cast("Embedder", find("MiniLM").load(Placement()))
    for one, other in zip(exact.embed(TEXTS), seeded.embed(TEXTS), strict=True):
        assert float(np.dot(cast("np.ndarray", one), cast("np.ndarray", other))) == pytest.approx(1.0, abs=1e-5)
