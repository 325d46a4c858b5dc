"""A part of the crash campaign: every named point, and random moments; ``make crash`` runs all of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crash.campaign import DUMMIES, EMBEDDED, STAGE_POINTS, Campaign
from panic_tda.store.revisions import REVISIONS
from support.nursery import Nursery
from support.postgresql import Server

SMALL: dict[str, Any] = DUMMIES | {"seeds": [1, 42], "max_length": 20}
MOMENTS = 50


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Campaign:
    return Campaign(tmp_path_factory.mktemp("campaign"), SMALL, nursery)


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
    killed = sum(campaign.at_moment(chance.random()) for _ in range(MOMENTS))
    print(f"killed at {killed} of {MOMENTS} random moments: {campaign.tally}")
    assert campaign.tally.clean, campaign.tally
    assert killed >= MOMENTS // 3


def test_killed_while_a_record_is_brought_up_to_date_it_is_so_the_next_time(campaign: Campaign) -> None:
    assert all(campaign.during_migration(revision) for revision in ("", *REVISIONS[:-1]))
    assert campaign.tally.clean, campaign.tally


def test_killed_while_runs_are_created_there_are_all_of_them_or_none(campaign: Campaign) -> None:
    assert campaign.during_creation(SMALL, 4) >= 1
    assert campaign.tally.clean, campaign.tally


def test_killed_before_an_export_has_its_name_the_old_file_stays(campaign: Campaign) -> None:
    assert campaign.during_export()
    assert campaign.tally.clean, campaign.tally


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_databases(request: pytest.FixtureRequest) -> Iterator[Callable[[], str] | None]:
    """Gives one database after the other on a real server, which are gone afterwards; None for SQLite files."""
    if request.param == "sqlite":
        yield None
        return
    server: Server = request.getfixturevalue("postgresql_server")
    names: list[str] = []

    def blank() -> str:
        names.append(server.create())
        return server.url(names[-1])

    yield blank
    for name in names:
        server.drop(name)


@pytest.mark.parametrize("ending", ["", "killed", "stopped"])
def test_two_processes_perform_one_experiment_together(
    tmp_path: Path, ending: str, nursery: Nursery, blank_databases: Callable[[], str] | None
) -> None:
    config = DUMMIES | {"seeds": [*range(7), 42], "max_length": 20}
    campaign = Campaign(tmp_path, config, nursery, blank_databases)
    computed = campaign.together(2, ending=ending)
    assert all(computed), computed
    assert campaign.tally.clean, campaign.tally


@pytest.mark.parametrize(
    ("stage", "point", "nth"),
    [
        ("generate", "after the model call", 3),
        ("embed", "between stages", 1),
        ("diagrams", "between stages", 2),
        ("closing", "between stages", 3),
    ],
)
def test_when_the_disk_is_full_one_error_says_so_and_resuming_completes(
    campaign: Campaign, stage: str, point: str, nth: int
) -> None:
    error = campaign.out_of_disk(point, nth)
    assert campaign.tally.clean, campaign.tally
    assert error == (
        "RecordError: RECORD: disk I/O error (what was finished is recorded; "
        "make room on its disk, then panic-tda experiment resume)\n"
    )


def test_killed_with_the_embedded_default_models_nothing_is_lost(tmp_path: Path, nursery: Nursery) -> None:
    campaign = Campaign(tmp_path, EMBEDDED, nursery)
    for share in (0.5, 0.9):
        campaign.at_moment(share)
    assert campaign.tally.clean, campaign.tally
