"""When an expression is due, against a second implementation that looks at every minute of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panic_tda.errors import RequestError
from panic_tda.server.due import next_due, zone_of_this_machine
from panic_tda.store.importing.times import time_zone

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "Africa/Cairo",  # at midnight
    "America/New_York",
    "America/Santiago",  # at midnight, in the south
    "Antarctica/Troll",  # by two hours
    "Asia/Kolkata",  # never
    "Australia/Lord_Howe",  # by half an hour
    "Europe/Berlin",
    "Europe/Dublin",  # has the winter as the exception
]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@cache
def changes(zone: str) -> list[datetime]:
    """The days of 2023 to 2028 in which the clock of the zone changes; some day where it never does."""
    known = ZoneInfo(zone)
    days = [datetime(2023, 1, 1, tzinfo=UTC) + number * DAY for number in range(6 * 365)]
    found = [a for a, b in pairwise(days) if a.astimezone(known).utcoffset() != b.astimezone(known).utcoffset()]
    return found or days[:1]


@cache
def shown_first(day: date, hour: int, minute: int, zone: tzinfo) -> datetime:
    """The first minute of the world at which the clock shows that time of that day, or a later one."""
    wanted = datetime(day.year, day.month, day.day, hour, minute)
    at = wanted.replace(tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(zone).replace(tzinfo=None) < wanted:
        at += MINUTE
    return at


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES).flatmap(lambda zone: st.tuples(st.just(zone), st.sampled_from(changes(zone)))),
    st.integers(0, 2),
    st.integers(-90, 90) | st.integers(-600, 1200),
    st.integers(0, 59),
    st.integers(0, 4) | st.integers(0, 23),
    st.integers(0, 59),
)
def test_a_time_of_day_is_due_once_a_day_whatever_the_clock_does(
    change: tuple[str, datetime], day: int, minutes: int, seconds: int, hour: int, minute: int
) -> None:
    zone = ZoneInfo(change[0])
    begun = shown_first((change[1] + day * DAY).date(), hour, minute, zone)
    after = begun + minutes * MINUTE + timedelta(seconds=seconds)
    days = [after.astimezone(zone).date() + number * DAY for number in range(-2, 5)]
    expected = [due for each in days if (due := shown_first(each, hour, minute, zone)) > after]
    found: list[datetime] = []
    for _ in range(3):  # as after a restart: it depends on the time alone
        found.append(next_due(f"{minute} {hour} * * *", found[-1] if found else after, zone))
    assert found == expected[:3]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 30), st.sampled_from(["*/30 * * * *", "30 2,3 * * *", "0 */2 * * 1-5"]))
def test_nothing_is_due_twice_and_the_next_is_always_later(zone: str, number: int, expression: str) -> None:
    known, after = ZoneInfo(zone), changes(zone)[number % len(changes(zone))] - DAY
    for _ in range(60):
        due = next_due(expression, after, known)
        assert due > after
        assert next_due(expression, due - timedelta(seconds=1), known) == due
        after = due


def told(expression: str, after: str, count: int) -> list[str]:
    def due() -> Any:
        at = datetime.fromisoformat(after)
        while True:
            at = next_due(expression, at, BERLIN)
            yield at.astimezone(BERLIN).isoformat(timespec="minutes")

    return list(islice(due(), count))


def test_what_the_clock_skips_is_due_once_as_soon_as_it_has_skipped_it() -> None:
    expected = ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]
    assert told("30 2 * * *", "2026-03-27T12:00+01:00", 3) == expected
    assert told("15,30,45 2 * * *", "2026-03-29T00:00+01:00", 2) == [expected[1], "2026-03-30T02:15+02:00"]


def test_what_the_clock_shows_twice_is_due_the_first_time() -> None:
    expected = ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]
    assert told("30 2 * * *", "2026-10-23T12:00+02:00", 3) == expected
    assert told("30 2 * * *", "2026-10-25T02:10+01:00", 1) == expected[2:]  # begun in the hour that comes again


def test_every_half_hour_is_every_half_hour_of_the_world() -> None:
    assert told("*/30 2 * * *", "2026-10-25T00:00+02:00", 4) == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
    ]


@pytest.mark.parametrize("expression", ["", "0 2 * *", "0 2 * * * *", "61 2 * * *", "0 2 * * noday", "@daily", "x"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(RequestError, match="is no cron expression"):
        next_due(expression, datetime(2026, 1, 1, tzinfo=UTC), BERLIN)


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 2,4 *"])
def test_what_is_never_due_is_refused(expression: str) -> None:
    with pytest.raises(RequestError, match=r"no cron expression|never due"):
        next_due(expression, datetime(2026, 1, 1, tzinfo=UTC), BERLIN)


def test_the_zone_is_that_of_the_machine_or_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Australia/Lord_Howe")
    assert zone_of_this_machine() == ZoneInfo("Australia/Lord_Howe")
    monkeypatch.setenv("TZ", "Nowhere/Land")
    with pytest.raises(RequestError, match="time zone of this machine"):
        zone_of_this_machine()
    with pytest.raises(RequestError, match="--finetune-zone: there is no time zone 'Nowhere/Land'"):
        time_zone("Nowhere/Land", option="--finetune-zone")
