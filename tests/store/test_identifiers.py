from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from panic_tda.store.identifiers import new_id


def test_an_id_is_a_uuid_of_version_7_and_variant_rfc_9562() -> None:
    for text in [new_id() for _ in range(1_000)]:
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def test_an_id_begins_with_the_milliseconds_since_1970() -> None:
    before = time.time_ns() // 1_000_000
    milliseconds = uuid.UUID(new_id()).int >> 80
    assert before <= milliseconds <= time.time_ns() // 1_000_000 + 1


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_go_on_growing_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    clock = iter([now, now - 10**9, now - 10**12, now + 10**9])
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    made = [new_id() for _ in range(4)]
    assert made == sorted(made)
    assert len(set(made)) == 4


def test_ids_made_on_many_threads_are_distinct() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [key for keys in pool.map(lambda _: [new_id() for _ in range(500)], range(16)) for key in keys]
    assert len(set(made)) == 16 * 500


def test_ids_hold_randomness_that_no_other_process_repeats() -> None:
    low_bits = {uuid.UUID(new_id()).int & (1 << 62) - 1 for _ in range(1_000)}
    assert len(low_bits) == 1_000
