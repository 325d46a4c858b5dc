"""What a reader would want to be told first, in sentences with their numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from panic_tda.answers.finding import Finding
from panic_tda.answers.trajectory import Cloud, Step, Trajectory, clouds, cycle_length, trajectories
from panic_tda.answers.words import count, run_names, shorten, stop_reason

if TYPE_CHECKING:
    import polars as pl

_NAMED = 3


def findings(runs: pl.DataFrame, invocations: pl.DataFrame, embeddings: pl.DataFrame) -> list[Finding]:
    """What happened in an experiment, the most telling first; none for an experiment without runs."""
    found = trajectories(runs, invocations)
    if not found:
        return []
    names = run_names([each.run for each in found], 28)
    seen = clouds(runs, embeddings)
    steps = [step for each in found for step in each.steps]
    return [
        *_stuck(found, names),
        *_moving(found, names, seen),
        *_failed(found, names),
        *_unfinished(found, names),
        *_drift(seen, names),
        *_endings(found),
        *_degenerate(steps),
        *_returns(found, names),
        *_synthetic(steps),
    ]


def _share(number: int, total: int) -> str:
    """``2 of 8 runs``, ``all 8 runs``, ``both runs``, ``the run``."""
    if number == total:
        return {1: "the run", 2: "both runs"}.get(total, f"all {total:,} runs")
    return f"{number:,} of {total:,} runs"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _listed(details: Sequence[str]) -> str:
    more = len(details) - _NAMED
    return "; ".join([*details[:_NAMED], *([f"and {more:,} more"] if more > 0 else [])])


def _stuck(found: Sequence[Trajectory], names: dict[str, str]) -> Iterator[Finding]:
    loops = [each for each in found if each.run.stop_reason == "loop"]
    if not loops:
        subject = "the run did not get" if len(found) == 1 else f"none of the {len(found):,} runs got"
        yield Finding("stuck", _sentence(f"{subject} stuck in an exact loop"), 0)
        return
    loops.sort(key=lambda each: math.inf if each.loop_start is None else each.loop_start)
    details = tuple(f"{names[each.run.run_id]}: {_loop_words(each)}" for each in loops)
    verb = "is" if len(loops) == 1 else "are"
    spread = len(loops) > _NAMED and loops[0].loop_start != loops[-1].loop_start
    told = f"earliest, {details[0]}; latest, {details[-1]}" if spread else _listed(details)
    said = f"{_share(len(loops), len(found))} {verb} stuck in an exact loop ({told})"
    yield Finding("stuck", _sentence(said), len(loops), details)


def _loop_words(trajectory: Trajectory) -> str:
    start, period = trajectory.loop_start, trajectory.period
    if start is None or period is None:
        return "where is not recorded"
    # One round of the network that gives back what it took is a fixed point of the network.
    still = ", a fixed point" if period == cycle_length(trajectory) else ""
    return f"from step {start} with period {period}{still}"


def _moving(found: Sequence[Trajectory], names: dict[str, str], seen: Sequence[Cloud]) -> Iterator[Finding]:
    ended = [each for each in found if each.run.stop_reason == "length" and each.steps]
    moving = [each for each in ended if each.still_changing]
    if not ended:
        return
    if not moving:
        yield Finding(
            "moving", _sentence(f"no run was still changing when it reached its length ({len(ended)} did)"), 0
        )
        return
    verb, reached = ("was", "it reached its") if len(moving) == 1 else ("were", "they reached their")
    said = f"{_share(len(moving), len(found))} {verb} still changing when {reached} full length"
    moves = _last_moves(moving, seen)
    if moves:
        distance, run_id, model = moves[0]
        said += f"; the largest last move was {distance:.2f}, by {names[run_id]} (as {model} sees it)"
    details = tuple(f"{names[run_id]}: last move {distance:.2f} ({model})" for distance, run_id, model in moves)
    yield Finding("moving", _sentence(said), len(moving), details or tuple(names[each.run.run_id] for each in moving))


def _last_moves(moving: Sequence[Trajectory], seen: Sequence[Cloud]) -> list[tuple[float, str, str]]:
    """Largest first, under the first embedder: distance, run id, embedder."""
    wanted = {each.run.run_id for each in moving}
    models = [cloud.model for cloud in seen if cloud.run_id in wanted]
    moves = [
        (distance, cloud.run_id, cloud.model)
        for cloud in seen
        if cloud.run_id in wanted and cloud.model == models[0] and (distance := cloud.last_move()) is not None
    ]
    return sorted(moves, key=lambda move: -move[0])


def _failed(found: Sequence[Trajectory], names: dict[str, str]) -> Iterator[Finding]:
    failed = [each for each in found if each.run.stop_reason == "failed"]
    if failed:
        details = tuple(
            f"{names[each.run.run_id]}: after {count(each.run.length, 'step')}, "
            f"{shorten(each.run.failure or 'for a reason not recorded', 160)}"
            for each in failed
        )
        said = f"{_share(len(failed), len(found))} failed ({_listed(details)})"
        yield Finding("failed", _sentence(said), len(failed), details)


def _unfinished(found: Sequence[Trajectory], names: dict[str, str]) -> Iterator[Finding]:
    left = [each for each in found if stop_reason(each.run) == "unfinished"]
    if left:
        details = tuple(
            f"{names[each.run.run_id]}: {each.run.length:,} of {each.run.max_length:,} steps" for each in left
        )
        verb = "is" if len(left) == 1 else "are"
        said = f"{_share(len(left), len(found))} {verb} not finished ({_listed(details)})"
        yield Finding("unfinished", _sentence(said), len(left), details)


def _drift(seen: Sequence[Cloud], names: dict[str, str]) -> Iterator[Finding]:
    for model in dict.fromkeys(cloud.model for cloud in seen):
        ends = sorted(
            ((float(cloud.distances_to_start()[-1]), names[cloud.run_id]) for cloud in seen if cloud.model == model),
            key=lambda end: -end[0],
        )
        (far, furthest), (near, nearest) = ends[0], ends[-1]
        said = f"as {model} sees it, {furthest} ended furthest from its start, at distance {far:.2f} of at most 2"
        if len(ends) > 1:
            said += f", and {nearest} nearest, at {near:.2f}"
        yield Finding("drift", _sentence(said), far, tuple(f"{name}: {distance:.2f}" for distance, name in ends))


def _endings(found: Sequence[Trajectory]) -> Iterator[Finding]:
    """Would another prompt or seed have ended elsewhere? Counts the different last outputs of the finished runs."""
    ends = [end for each in found if each.run.stop_reason in ("loop", "length") and (end := each.ending)]
    if len(ends) < 2:
        return
    tally = Counter(end.sha256 for end in ends)
    by_hash = {end.sha256: end for end in ends}
    details = tuple(f"{_output_words(by_hash[sha])}: {count(number, 'run')}" for sha, number in tally.most_common())
    (commonest, most), different = tally.most_common(1)[0], len(tally)
    who = f"the {len(ends):,} runs that came to an end"
    if most == 1:
        said = f"{who} have {different:,} different endings, no two alike"
    elif different == 1:
        said = f"{who} have one and the same ending, {_output_words(by_hash[commonest])}"
    else:
        said = f"{who} have {different:,} different endings; {most:,} of them have {_output_words(by_hash[commonest])}"
    yield Finding("endings", _sentence(said), different, details)


def _output_words(step: Step) -> str:
    if step.type == "image":
        return f"image {step.sha256[:6]}…"
    return f"“{shorten(step.text, 60)}”" if step.text else "the empty text"


def _degenerate(steps: Sequence[Step]) -> Iterator[Finding]:
    tally = Counter((step.degenerate, step.model) for step in steps if step.degenerate)
    if tally:
        total = sum(tally.values())
        details = tuple(f"{number:,} {reason} from {model}" for (reason, model), number in tally.most_common())
        verb = "carries" if total == 1 else "carry"
        said = f"{total:,} of {count(len(steps), 'output')} {verb} no information ({_listed(details)})"
        yield Finding("degenerate", _sentence(said), total, details)


def _returns(found: Sequence[Trajectory], names: dict[str, str]) -> Iterator[Finding]:
    """Runs that repeat themselves exactly and yet go on, because their seeds are drawn anew."""
    back = [each for each in found if each.run.stop_reason != "loop" and each.returns]
    if back:
        back.sort(key=lambda each: -each.returns)
        details = tuple(
            f"{names[each.run.run_id]}: in {each.returns:,} of {count(len(each.steps), 'step')}" for each in back
        )
        said = f"{_share(len(back), len(found))} came back, bit for bit, to an earlier output and went on"
        yield Finding("returns", _sentence(f"{said} (most often, {details[0]})"), len(back), details)


def _synthetic(steps: Sequence[Step]) -> Iterator[Finding]:
    models = Counter(step.model for step in steps if step.synthetic)
    if models:
        total, by = sum(models.values()), ", ".join(sorted(models))
        said = f"{total:,} of {count(len(steps), 'output')} were made up by dummy models ({by}) and mean nothing"
        yield Finding("synthetic", _sentence(said), total)
