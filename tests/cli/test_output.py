"""Printing: tables, durations, sizes, and progress on a terminal and elsewhere."""

from __future__ import annotations

import pytest

from panic_tda.cli.output import duration, gigabytes, print_table
from panic_tda.cli.progress import Lines, describe
from panic_tda.lab.progress import Progress


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "unknown"),
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
        (86_399.9, "1 d 0 h"),
        (356_400, "4 d 3 h"),
    ],
)
def test_durations_in_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_sizes_are_binary_gigabytes() -> None:
    assert gigabytes(3 * 2**29) == "1.50 GiB"


def test_a_table_prints_its_cells_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "prompt", "n"), [("a" * 36, "[bold]not markup[/] :smile:", 7), ("b", "x", 12)], right=("n",))
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["id", "prompt", "n"]
    assert first.split(maxsplit=1) == ["a" * 36, "[bold]not markup[/] :smile:   7"]
    assert second.endswith("12")


def test_a_row_that_goes_down_a_pipe_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "prompt", "n"), [("a", "long " * 100 + "end", 7), ("b", "", 12)], right=("n",))
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading == f"id  prompt{' ' * 497}   n"
    assert first == f"a   {'long ' * 100}end   7"
    assert second == f"b   {' ' * 503}  12"


def test_columns_after_wide_characters_stay_in_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("prompt", "network"), [("赤い林檎", "one"), ("a red ship", "two"), ("", "three")])
    assert capsys.readouterr().out.splitlines() == [
        "prompt      network",
        "赤い林檎    one",
        "a red ship  two",
        "            three",
    ]


def test_a_table_without_rows_is_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id", "status"), [])
    assert capsys.readouterr().out == "id  status\n"


def test_progress_in_words() -> None:
    progress = Progress("generate", 120, 6_400, failed=3, rate=310.2, seconds_left=20.0)
    assert describe(progress) == "generate 120/6400 (1 %), 3 failed, 310/s, 20 s left"
    assert describe(Progress("embed", 0, 0)) == "embed 0/0 (100 %)"


class Clock:
    """A clock that a test turns."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_come_when_a_stage_begins_and_ends_and_seldom_between() -> None:
    clock, lines = Clock(), list[str]()
    show = Lines(clock, lines.append)
    for step in range(101):
        clock.now = step / 10
        show(Progress("generate", step, 100))
    show(Progress("generate", 100, 100))
    show(Progress("embed", 0, 5))
    assert [line.split()[:2] for line in lines] == [
        ["generate", "0/100"],
        ["generate", "50/100"],
        ["generate", "100/100"],
        ["embed", "0/5"],
    ]


def test_a_stage_that_ends_with_failures_still_says_that_it_ended() -> None:
    lines = list[str]()
    show = Lines(Clock(), lines.append)
    show(Progress("generate", 0, 4))
    show(Progress("generate", 3, 4, failed=1))
    assert lines[-1] == "generate 3/4 (75 %), 1 failed"
