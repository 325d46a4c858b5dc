from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.models.remote.pauses import FIRST_PAUSE_S, asked_pause_s, pause_s

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def test_pauses_double() -> None:
    assert [pause_s(retry, 0.0, 0.0) for retry in range(3)] == [0.5, 1.0, 2.0]


@given(st.integers(0, 10), st.floats(0, 1, exclude_max=True), st.floats(0, 100))
def test_chance_shortens_a_pause_by_half_at_most_and_never_below_what_was_asked(
    retry: int, draw: float, asked: float
) -> None:
    backoff = FIRST_PAUSE_S * 2**retry
    assert max(backoff / 2, asked) <= pause_s(retry, draw, asked) <= max(backoff, asked)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("7", 7.0),
        ("0.25", 0.25),
        ("-3", 0.0),
        ("inf", 0.0),
        ("nan", 0.0),
        ("soon", 0.0),
        ("Fri, 02 Jan 2026 12:00:30 GMT", 30.0),
        ("Fri, 02 Jan 2026 11:59:00 GMT", 0.0),
        ("Fri, 02 Jan 2026 12:00:30 -0000", 30.0),
    ],
)
def test_a_server_asks_for_a_pause_in_seconds_or_by_a_date(header: str | None, seconds: float) -> None:
    assert asked_pause_s(header, NOON) == seconds
