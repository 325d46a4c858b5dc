"""Is it stuck? Runs that repeat themselves exactly, judged by the hashes of what they made; needs no embedder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.analysis.recurrence import exact_absorption
from panic_tda.analysis.shares import share_interval
from panic_tda.analysis.survival import kaplan_meier
from panic_tda.answers.answer import Analysis, Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.trajectory import Trajectory, cycle_length
from panic_tda.answers.words import count, percent

if TYPE_CHECKING:
    import polars as pl

QUESTION = "Is it stuck?"
_FEW = 5


class Watched(NamedTuple):
    """How one run fared: absorbed from step ``start`` on with ``period`` (None: not seen to be), over ``steps``."""

    trajectory: Trajectory
    start: int | None
    period: int | None

    @property
    def time(self) -> int:
        """The step at which it was absorbed, or up to which it was watched without being absorbed."""
        return len(self.trajectory.steps) if self.start is None else self.start


def absorption(evidence: Evidence, request: Request) -> Answer:
    """For each run the step from which it repeats itself and the period; for each network the share and the time."""
    watched = [_watch(each) for each in request.each(evidence.trajectories, "runs") if each.steps]
    if not watched:
        return Answer("absorption", QUESTION, absence="no run has made anything yet")
    networks = _by_network(watched)
    tables = {"runs": _runs(watched), "networks": _networks(networks), "curve": _curve(networks)}
    return Answer("absorption", QUESTION, tuple(_finding(*each) for each in networks.items()), tables)


def _watch(trajectory: Trajectory) -> Watched:
    if trajectory.run.stop_reason == "loop":
        return Watched(trajectory, trajectory.loop_start, trajectory.period)
    found = exact_absorption(trajectory.keys, passes=3)
    return Watched(trajectory, found.start, found.period) if found else Watched(trajectory, None, None)


def _by_network(watched: list[Watched]) -> dict[str, list[Watched]]:
    groups: dict[str, list[Watched]] = {}
    for each in watched:
        groups.setdefault(each.trajectory.run.network, []).append(each)
    return groups


def _finding(network: str, group: list[Watched]) -> Finding:
    stuck = [each for each in group if each.start is not None]
    share = share_interval(len(stuck), len(group))
    said = f"{network}: {len(stuck):,} of {count(len(group), 'run')} got stuck in an exact loop, {percent(share)}"
    if stuck:
        median = kaplan_meier([each.time for each in group], [each.start is not None for each in group]).median
        said += f"; half of the runs were stuck by step {median:.0f}" if median == median else ""
        said += f"; periods seen: {_periods(stuck)}"
    cautions = (f"only {count(len(group), 'run')}",) if len(group) < _FEW else ()
    return finding_of("absorption", f"{said}.", share, cautions=cautions)


def _periods(stuck: list[Watched]) -> str:
    """Periods in steps, most frequent first; a period of one round of the network is a fixed point."""
    from collections import Counter

    tally = Counter((each.period or 0, each.period == cycle_length(each.trajectory)) for each in stuck)
    parts = [
        f"{period}{' (a fixed point)' if fixed else ''} × {number}" for (period, fixed), number in tally.most_common(4)
    ]
    return ", ".join(parts) + (", …" if len(tally) > 4 else "")


def _runs(watched: list[Watched]) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = [
        {
            "run_id": each.trajectory.run.run_id,
            "network": each.trajectory.run.network,
            "prompt": each.trajectory.run.prompt,
            "seed": each.trajectory.run.seed,
            "steps": len(each.trajectory.steps),
            "distinct_outputs": len(set(each.trajectory.keys)),
            "absorbed": each.start is not None,
            "start": each.start,
            "period": each.period,
            "caution": _run_caution(each),
        }
        for each in watched
    ]
    return pl.DataFrame(rows, schema_overrides={"start": pl.Int64, "period": pl.Int64})


def _run_caution(each: Watched) -> str:
    run = each.trajectory.run
    if each.start is not None and run.seed < 0:
        return "its seeds are drawn anew, so it may still leave"
    return "not finished" if run.stop_reason is None else ""


def _networks(networks: dict[str, list[Watched]]) -> pl.DataFrame:
    import polars as pl

    rows = []
    for network, group in networks.items():
        happened = [each.start is not None for each in group]
        share = share_interval(sum(happened), len(group))
        median = kaplan_meier([each.time for each in group], happened).median
        caution = f"only {count(len(group), 'run')}" if len(group) < _FEW else ""
        rows.append(
            {
                "network": network,
                "runs": len(group),
                "absorbed": sum(happened),
                "share": share.estimate,
                "low": share.low,
                "high": share.high,
                "median_step": None if median != median else median,
                "caution": caution,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"median_step": pl.Float64})


def _curve(networks: dict[str, list[Watched]]) -> pl.DataFrame:
    """The share of runs absorbed by each step at which one was, with its band."""
    import polars as pl

    schema = {"network": pl.String, "step": pl.Float64, "absorbed": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    rows = []
    for network, group in networks.items():
        found = kaplan_meier([each.time for each in group], [each.start is not None for each in group])
        end = float(max(len(each.trajectory.steps) for each in group))
        steps = [0.0, *found.times, end]
        stay = [(1.0, 1.0, 1.0), *zip(found.surviving, found.low, found.high, strict=True)]
        rows += [
            (network, step, 1.0 - surviving, 1.0 - high, 1.0 - low)
            for step, (surviving, low, high) in zip(steps, [*stay, stay[-1]], strict=True)
        ]
    return pl.DataFrame(rows, schema=schema, orient="row")


ANALYSES = (Analysis("absorption", QUESTION, absorption),)
