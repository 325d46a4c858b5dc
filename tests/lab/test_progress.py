"""Rates and the time left, from measured medians and with a clock of our own."""

from __future__ import annotations

from panic_tda.lab.progress import Pace, Progress, seconds_left


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def paced(remaining: dict[str, int]) -> tuple[Pace, list[Progress], Clock]:
    told: list[Progress] = []
    clock = Clock()
    return Pace("generate", done=10, remaining=remaining, report=told.append, clock=clock), told, clock


def test_the_time_left_is_the_sum_of_what_each_kind_of_work_takes() -> None:
    assert seconds_left({"image": 10, "text": 4}, {"image": 2.0, "text": 0.5}) == 22.0


def test_the_time_left_is_unknown_while_a_kind_was_never_measured() -> None:
    assert seconds_left({"image": 10, "text": 4}, {"image": 2.0}) is None
    assert seconds_left({"image": 10, "text": 0}, {"image": 2.0}) == 20.0


def test_one_slow_call_does_not_spoil_the_estimate() -> None:
    pace, told, clock = paced({"image": 100})
    for seconds in (2.0, 2.0, 90.0, 2.0, 2.0):
        pace.advance("image", 1, seconds)
        clock.now += seconds
    pace.tell()
    assert told[-1].seconds_left == 95 * 2.0


def test_the_rate_counts_what_was_done_here_and_not_what_was_done_before() -> None:
    pace, told, clock = paced({"text": 40})
    pace.advance("text", 20, 4.0)
    clock.now += 5.0
    pace.tell()
    assert (told[-1].rate, told[-1].done, told[-1].total) == (4.0, 30, 50)


def test_work_that_is_not_needed_any_more_leaves_the_total() -> None:
    pace, told, _ = paced({"text": 40})
    pace.advance("text", 1, 1.0)
    pace.drop({"text": 29})
    pace.tell()
    assert (told[-1].total, told[-1].seconds_left) == (21, 10.0)


def test_failed_items_are_counted_and_not_waited_for() -> None:
    pace, told, _ = paced({"text": 4})
    pace.advance("text", 1, 1.0, failed=3)
    pace.tell()
    assert (told[-1].failed, told[-1].total, told[-1].seconds_left) == (3, 11, 0)


def test_work_that_other_processes_leave_or_take_changes_what_is_left() -> None:
    pace, told, _ = paced({"image": 4})
    pace.add({"image": 6, "text": 3})
    pace.drop({"image": 2})
    pace.tell()
    assert told[-1].total == 10 + 4 + 6 + 3 - 2
