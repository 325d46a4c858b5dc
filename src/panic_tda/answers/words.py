"""Short, printable names for runs, prompts and reasons, the same in every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from panic_tda.answers.trajectory import Run, Trajectory

if TYPE_CHECKING:
    from panic_tda.analysis.bootstrap import Interval

STOP_REASONS = ("length", "loop", "failed", "unfinished")


def printable(text: str) -> str:
    """The text on one line, with single spaces, and a middle dot for each character that has no picture."""
    return "".join(sign if sign.isprintable() else "·" for sign in " ".join(text.split()))


def shorten(text: str, length: int) -> str:
    """At most ``length`` characters of the printable text; an ellipsis says that something was left out."""
    line = printable(text)
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def prompt_name(run: Run, length: int = 48) -> str:
    """The prompt in quotation marks, or ``image 3fa9c2…`` as it stands."""
    return f"“{shorten(run.prompt, length)}”" if run.prompt_type == "text" else shorten(run.prompt, length)


def seed_name(run: Run) -> str:
    """The seed; −1 means that each invocation drew its own."""
    return f"seed {run.seed}" if run.seed >= 0 else "drawn seeds"


def number_name(run: Run) -> str:
    """``run 3``, or ``twin 3`` for a run that repeats another one with something changed."""
    return f"{'twin' if run.twin_of else 'run'} {run.run_number}"


def run_name(run: Run) -> str:
    """Network, prompt, seed, and the run number if it is not the first."""
    number = f", {number_name(run)}" if run.run_number else ""
    return f"{run.network}, {prompt_name(run)}, {seed_name(run)}{number}"


def run_names(runs: Sequence[Run], length: int = 48) -> dict[str, str]:
    """For each run id the shortest name that tells it from the others: the parts that differ, or all of a lone run."""
    parts = ("network", "prompt_sha256", "seed", "run_number")
    several = [len({getattr(run, part) for run in runs}) > 1 for part in parts]
    if not any(several):
        return {run.run_id: run_name(run) for run in runs}
    return {
        run.run_id: ", ".join(
            part
            for part, told in zip(
                (run.network, prompt_name(run, length), seed_name(run), number_name(run)), several, strict=True
            )
            if told
        )
        for run in runs
    }


def stop_reason(run: Run) -> str:
    """``length``, ``loop``, ``failed``, or ``unfinished`` for a run that has not stopped."""
    return run.stop_reason or "unfinished"


def stop_words(trajectory: Trajectory) -> str:
    """Why and where the run stopped, in a few words."""
    run, start, period = trajectory.run, trajectory.loop_start, trajectory.period
    if run.stop_reason == "loop":
        return f"loop{'' if start is None else f' from step {start}'}{f', period {period}' if period else ''}"
    if run.stop_reason == "failed":
        return f"failed after {count(run.length, 'step')}"
    if run.stop_reason == "length":
        return f"full length, {count(run.length, 'step')}"
    return f"unfinished, {run.length} of {count(run.max_length, 'step')}"


def count(number: int, noun: str) -> str:
    """``1 step``, ``2 steps``, ``1,000 steps``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def between(interval: Interval, digits: int = 2) -> str:
    """``0.84 [0.80, 0.88]``: the estimate and its interval; the estimate alone where the interval is not known."""
    estimate = f"{interval.estimate:z.{digits}f}"
    known = interval.low == interval.low and interval.high == interval.high
    return f"{estimate} [{interval.low:z.{digits}f}, {interval.high:z.{digits}f}]" if known else estimate


def percent(interval: Interval) -> str:
    """``42 % [19, 68]`` of a share in [0, 1]; the percentage alone where the interval is not known."""
    low, high = 100 * interval.low, 100 * interval.high
    estimate, _, ends = between(interval._replace(estimate=100 * interval.estimate, low=low, high=high), 0).partition(
        " "
    )
    return f"{estimate} % {ends}".rstrip()
