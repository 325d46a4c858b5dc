"""A part of the crash campaign: every named point, and random moments; ``make crash`` runs all of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from crash.campaign import DUMMIES, EMBEDDED, STAGE_POINTS, Campaign

SMALL: dict[str, Any] = DUMMIES | {"seeds": [1, 42], "max_length": 20}
MOMENTS = 50


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return Campaign(tmp_path_factory.mktemp("campaign"), SMALL)


@pytest.mark.parametrize("point", STAGE_POINTS)
@pytest.mark.parametrize("nth", [1, 2, 7])
def test_killed_at_a_named_point_and_resumed_nothing_is_lost_or_done_twice(
    campaign: Campaign, point: str, nth: int
) -> None:
    killed = campaign.at_point(point, nth)
    assert killed or (point == "between stages" and nth == 7)
    assert campaign.tally.clean, campaign.tally


def test_killed_at_random_moments_and_resumed_nothing_is_lost_or_done_twice(campaign: Campaign) -> None:
    chance = random.Random(2)
    killed = sum(campaign.at_moment(chance.uniform(0.3, 1.0)) for _ in range(MOMENTS))
    print(f"killed at {killed} of {MOMENTS} random moments: {campaign.tally}")
    assert campaign.tally.clean, campaign.tally
    assert killed >= MOMENTS // 3


def test_killed_with_the_embedded_default_models_nothing_is_lost(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, EMBEDDED)
    for share in (0.5, 0.9):
        campaign.at_moment(share)
    assert campaign.tally.clean, campaign.tally
