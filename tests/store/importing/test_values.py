"""Ids, times and plain values of a source."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.errors import RequestError
from panic_tda.store.importing import values
from panic_tda.store.importing.identifiers import DASHED, HEX, identifier
from panic_tda.store.importing.tally import Refusal, Tally, shown
from panic_tda.store.importing.times import moment, time_zone

SYDNEY = ZoneInfo("Australia/Sydney")


@pytest.mark.parametrize(
    ("written", "zone", "meant"),
    [
        ("2025-06-01 10:00:00", UTC, "2025-06-01T10:00:00+00:00"),
        ("2025-06-01 10:00:00.000007", SYDNEY, "2025-06-01T00:00:00.000007+00:00"),
        ("2025-06-01T10:00:00.123456Z", SYDNEY, "2025-06-01T10:00:00.123456+00:00"),
        ("2025-06-01T10:00:00+02:00", SYDNEY, "2025-06-01T08:00:00+00:00"),
        ("2025-04-06 02:30:00", SYDNEY, "2025-04-05T15:30:00+00:00"),  # shown twice: the first
        ("2025-10-05 02:30:00", SYDNEY, "2025-10-04T16:30:00+00:00"),  # never shown
    ],
)
def test_times_are_read(written: str, zone: Any, meant: str) -> None:
    assert moment(written, zone, "its start").isoformat() == meant


@pytest.mark.parametrize(
    "written",
    [None, 5, b"2025", "", "2025-06-01", "2025-02-30 10:00:00", "0001-01-01 00:00:00", "2025-06-01 10:00:00\0", "now"],
)
def test_what_is_no_time_is_refused(written: Any) -> None:
    with pytest.raises(Refusal, match="its start"):
        moment(written, SYDNEY, "its start")


@given(st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)))
def test_every_time_is_read_back(when: datetime) -> None:
    assert moment(when.isoformat(sep=" "), UTC, "its start") == when.replace(tzinfo=UTC)


@pytest.mark.parametrize("name", ["Atlantis", "../../etc/passwd", "", "/etc/localtime"])
def test_a_zone_that_is_none_is_one_clear_line(name: str) -> None:
    with pytest.raises(RequestError, match="there is no time zone"):
        time_zone(name)


@pytest.mark.parametrize(
    ("value", "form"), [("0688868050e750978308376736095512", HEX), ("0198a6c1-0000-7000-8000-0123456789ab", DASHED)]
)
def test_ids_are_kept_as_they_are(value: str, form: Any) -> None:
    assert identifier(value, form) == value


@given(st.integers() | st.floats() | st.binary() | st.none() | st.text(max_size=40))
def test_nothing_else_is_an_id(value: Any) -> None:
    for form in (HEX, DASHED):
        if not (isinstance(value, str) and form.fullmatch(value)):
            with pytest.raises(Refusal):
                identifier(value, form)


@pytest.mark.parametrize("written", ['{"a": 1', "NaN", "[1, Infinity]", "[" * 100_000, "", None, 5, "nul"])
def test_json_that_is_none_is_refused(written: Any) -> None:
    with pytest.raises(Refusal):
        values.parsed(written, "its network")


def test_refused_rows_are_shown_in_one_line_whatever_they_hold() -> None:
    with Tally() as tally:
        tally.refuse("runs", "\x1b[2Jid\n" + "x" * 500, "because\r\n" + "of \0 this")
        tally.refuse("runs", 6.8e30, Refusal("reason"))
        tally.refuse("runs", b"\xff\x00", "binary")
        first, *rest = tally.refused()
        assert first.id.isprintable()
        assert len(first.id) <= 80
        assert first.reason == "because of this"
        assert [row.id for row in rest] == ["6.8e+30", "ff00"]
        assert tally.counts["runs"].refused == 3
    assert shown("lone \udcff surrogate").encode()


def test_many_refused_rows_are_kept_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panic_tda.store.importing.tally._IN_MEMORY", 1_000)
    with Tally() as tally:
        for number in range(200):
            tally.refuse("runs", number, "reason")
        assert [row.id for row in tally.refused()] == [str(number) for number in range(200)]
