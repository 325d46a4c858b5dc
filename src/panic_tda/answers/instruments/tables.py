"""The tables about two embedders: what they agree in, and the runs and outputs of which they do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from panic_tda.answers.instruments import dynamics
from panic_tda.answers.instruments.compared import Compared
from panic_tda.answers.instruments.geometry import most_changed
from panic_tda.answers.instruments.statistic import known
from panic_tda.answers.states.visited import letter

if TYPE_CHECKING:
    import polars as pl

_PAIR = {"embedder": "String", "other": "String"}
_ENDS = {"low": "Float64", "high": "Float64"}
_AGREEMENT = {
    **_PAIR, "aspect": "String", "statistic": "String", "value": "Float64", **_ENDS, "chance": "Float64",
    "p_value": "Float64", "n": "Int64", "caution": "String",
}  # fmt: skip
_VERDICTS = {
    **_PAIR, "verdict": "String", "analysis": "String", "runs": "Int64", "holds": "Int64", "holds_under_other": "Int64",
    "only_here": "Int64", "only_under_other": "Int64", "same": "Float64", **_ENDS, "caution": "String",
}  # fmt: skip
_SHAPE = {
    **_PAIR, "dimension": "Int64", "total": "Float64", "total_under_other": "Float64", "change": "Float64", **_ENDS,
    "n": "Int64", "caution": "String",
}  # fmt: skip
_RUNS = {
    **_PAIR, "run_id": "String", "run": "String", "network": "String", "rounds": "Int64", "mean_step": "Float64",
    "mean_step_under_other": "Float64", "step_correlation": "Float64", "overlap": "Float64", "ends": "String",
    "ends_under_other": "String", "loops": "Float64", "loops_under_other": "Float64", "changed_verdicts": "String",
    "caution": "String",
}  # fmt: skip
_OUTPUTS = {
    **_PAIR, "run_id": "String", "run": "String", "step": "Int64", "output": "String", "overlap": "Float64",
    "lost": "String", "gained": "String",
}  # fmt: skip


def tables(compared: Sequence[Compared], names: dict[str, str]) -> dict[str, pl.DataFrame]:
    """The tables ``agreement``, ``verdicts``, ``shape``, ``runs`` and ``outputs``."""
    return {
        "agreement": _frame(_AGREEMENT, [row for each in compared for row in _agreement(each)]),
        "verdicts": _frame(_VERDICTS, [row for each in compared for row in _cautioned(each, each.verdicts)]),
        "shape": _frame(_SHAPE, [row for each in compared for row in _cautioned(each, each.shapes)]),
        "runs": _frame(_RUNS, [row for each in compared for row in _runs(each, names)]),
        "outputs": _frame(_OUTPUTS, [row for each in compared for row in most_changed(each.pair, each.hoods, names)]),
    }


def _frame(columns: dict[str, str], rows: list[dict[str, Any]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, schema={name: getattr(pl, kind) for name, kind in columns.items()})


def _agreement(each: Compared) -> Iterator[dict[str, Any]]:
    for statistic in each.statistics:
        row = statistic.row()
        yield each.pair.key | row | {"caution": "; ".join(filter(None, [*each.pair.cautions, row["caution"]]))}


def _cautioned(each: Compared, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield row | {"caution": "; ".join(each.pair.cautions)}


def _runs(each: Compared, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    pair = each.pair
    shared: dict[int, list[float]] = {}
    for run, overlap in zip(each.hoods.points.runs, each.hoods.found.of_each.tolist(), strict=True):
        shared.setdefault(run, []).append(overlap)
    for number, seen in enumerate(pair.seen):
        mean, other_mean = dynamics.mean_steps(seen)
        mine = shared.get(number)
        yield pair.key | {
            "run_id": seen.run_id,
            "run": names[seen.run_id],
            "network": seen.one.trajectory.run.network,
            "rounds": len(seen.one.steps),
            "mean_step": known(mean),
            "mean_step_under_other": known(other_mean),
            "step_correlation": known(dynamics.step_correlation(seen)),
            "overlap": sum(mine) / len(mine) if mine else None,
            "ends": _state(each, pair.one, seen.run_id),
            "ends_under_other": _state(each, pair.other, seen.run_id),
            "loops": each.totals.get((pair.one, seen.run_id, 1)),
            "loops_under_other": each.totals.get((pair.other, seen.run_id, 1)),
            "changed_verdicts": "; ".join(_changed(each, seen.run_id)),
            "caution": "" if mine else "it made nothing new",
        }


def _state(each: Compared, embedder: str, run_id: str) -> str | None:
    """The letter of the state in which a run ends; the states of two embedders are not the same."""
    state = each.ends.get((embedder, run_id))
    return None if state is None else letter(state)


def _changed(each: Compared, run_id: str) -> Iterator[str]:
    """What is said of a run under one embedder and not under the other."""
    for verdict in dynamics.VERDICTS:
        one, other = (each.judged.get((verdict.name, name, run_id)) for name in (each.pair.one, each.pair.other))
        if one is not None and other is not None and one != other:
            yield f"{verdict.name} under {each.pair.one if one else each.pair.other} alone"
