"""The sentences about two embedders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from panic_tda.analysis.bootstrap import Interval
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.instruments.compared import Compared
from panic_tda.answers.instruments.geometry import CKA, PROCRUSTES, RANKS, most_changed
from panic_tda.answers.instruments.statistic import Statistic
from panic_tda.answers.topology.shapes import NAMES
from panic_tda.answers.words import between, count, percent, shorten

_LISTED = 10


def geometry(each: Compared, names: Mapping[str, str]) -> Finding:
    """Where outputs lie, and next to what; the details are the outputs whose neighbours changed most."""
    found = {statistic.name: statistic for statistic in each.of("geometry")}
    parts = [words for name, say in _GEOMETRY.items() if name in found for words in say(found[name])]
    overlap = each.of("neighbours")[0]
    k = each.hoods.found.nearest.shape[1]
    parts.append(
        f"{percent(overlap.found)} of the {k} nearest neighbours of an output are the same "
        f"({100 * (overlap.chance or 0.0):.0f} % by chance)"
    )
    told = found.get(CKA, overlap).found
    cautions = _cautions(each, [*found.values(), overlap])
    details = tuple(map(_changed, islice(most_changed(each.pair, each.hoods, names), _LISTED)))
    return finding_of("geometry", f"{each.pair.name}: {'; '.join(parts)}.", told, details=details, cautions=cautions)


def _changed(row: dict[str, Any]) -> str:
    return (
        f"{row['run']}, step {row['step']}, “{shorten(row['output'], 60)}” keeps {100 * row['overlap']:.0f} % of its "
        f"neighbours: it was near “{row['lost']}”, now near “{row['gained']}”"
    )


def _cka(statistic: Statistic) -> Iterator[str]:
    yield f"the same geometry to {between(statistic.found)} (linear CKA: 1 but for rotation and scale, 0 unrelated)"


def _procrustes(statistic: Statistic) -> Iterator[str]:
    yield (
        f"laid upon each other they are {between(statistic.found)} apart (Procrustes distance, at most 1.41; "
        f"{statistic.chance:.2f} with runs dealt anew)"
    )


def _ranks(statistic: Statistic) -> Iterator[str]:
    p_value = "" if statistic.p_value is None else f", p = {statistic.p_value:.2g}"
    yield f"distances rank alike by {between(statistic.found)} ({_plain(statistic.chance)} by chance{p_value})"


_GEOMETRY = {CKA: _cka, PROCRUSTES: _procrustes, RANKS: _ranks}


def dynamics(each: Compared) -> Finding:
    """How runs move, which states they visit, and which verdicts change."""
    statistics = [*each.of("steps"), *each.of("states")]
    parts = [f"{statistic.name} {between(statistic.found)}" for statistic in statistics]
    parts += [_verdict(row) for row in each.verdicts]
    if not parts:
        said = "too little moves for a comparison"
        return Finding(
            "dynamics", f"{each.pair.name}: {said}.", 0.0, n=len(each.pair.seen), cautions=each.pair.cautions
        )
    told = statistics[0].found if statistics else _same(each.verdicts[0])
    return finding_of("dynamics", f"{each.pair.name}: {'; '.join(parts)}.", told, cautions=_cautions(each, statistics))


def _verdict(row: dict[str, Any]) -> str:
    if not row["only_here"] + row["only_under_other"]:
        return f"“{row['verdict']}” is said of the same {row['holds']} of {count(row['runs'], 'run')} under both"
    return (
        f"“{row['verdict']}” is said of {row['holds']} and {row['holds_under_other']} of {count(row['runs'], 'run')}, "
        f"alike in {percent(_same(row))}"
    )


def _same(row: dict[str, Any]) -> Interval:
    return Interval(row["same"], row["low"], row["high"], 0.95, row["runs"])


def shape(each: Compared) -> Finding:
    """How much persistence runs have under both."""
    ranked = {statistic.name: statistic for statistic in each.of("shape")}
    parts = []
    for row in each.shapes:
        change = _interval(row)
        features = NAMES[row["dimension"]]
        words = f"{features} {row['total']:.2f} and {row['total_under_other']:.2f}, change {between(change)}"
        alike = [found for name, found in ranked.items() if features in name]
        parts += [f"{words}; runs rank alike by {between(alike[0].found)}" if alike else words]
    said = f"{each.pair.name}: total persistence of a run, under each, on average: {'; '.join(parts)}"
    return finding_of("shape", f"{said}.", _interval(each.shapes[0]), cautions=_cautions(each, each.of("shape")))


def _interval(row: dict[str, Any]) -> Interval:
    low, high = (float("nan") if row[end] is None else row[end] for end in ("low", "high"))
    return Interval(row["change"], low, high, 0.95, row["n"])


def _cautions(each: Compared, statistics: list[Statistic]) -> tuple[str, ...]:
    told = [caution for statistic in statistics for caution in statistic.cautions]
    return tuple(dict.fromkeys([*each.pair.cautions, *told]))


def _plain(value: float | None) -> str:
    """Two digits, and no sign of what rounds to 0."""
    return f"{round(value or 0.0, 2) + 0.0:.2f}"
