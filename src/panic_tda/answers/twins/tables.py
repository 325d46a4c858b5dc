"""The tables of the answer about twins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from panic_tda.answers.twins.groups import Changed, Seen, Sized
from panic_tda.answers.twins.pairs import Pair, Separations

if TYPE_CHECKING:
    import polars as pl

    from panic_tda.analysis.twins import TwinGrowth


def tables(
    pairs: Sequence[Pair], separations: Sequence[Separations], changed: Sequence[Changed], sized: Sequence[Sized]
) -> dict[str, pl.DataFrame]:
    """``pairs``, ``changes``, ``growth``, ``sizes``, ``separations`` and ``curves``; steps are sequence numbers.

    ``growth`` has a row for each network, change and embedder, ``sizes`` one for all changes of a network together;
    rates are in nats per round after the change.
    """
    seen = [seen for each in changed for seen in each.seen]
    return {
        "pairs": _frame(list(map(_pair, pairs)), _PAIRS),
        "changes": _frame(list(map(_changed, changed)), _CHANGES),
        "growth": _frame(list(map(_seen, seen)), _GROWTH),
        "sizes": _frame(list(map(_sized, sized)), _SIZES),
        "separations": _separations(separations),
        "curves": _frame([row for each in seen for row in _curve(each)], _CURVES),
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "run_id": pair.twin.run_id,
        "twin_of": pair.run.run_id,
        "network": pair.run.network,
        "prompt": pair.run.prompt,
        "seed": pair.run.seed,
        "change": pair.change.words,
        "kind": pair.change.kind,
        "size": pair.change.size if pair.change.kind == "prompt" else None,
        "step": pair.change.step,
        "differs_from": pair.differ,
        "same_again_from": pair.merge if pair.merged else None,
        "compared_to": pair.end,
        "caution": pair.caution,
    }


def _changed(changed: Changed) -> dict[str, Any]:
    merges = changed.merges
    return {
        "network": changed.network,
        "change": changed.change.words,
        "runs": changed.runs,
        "twins": len(changed.pairs),
        "never_differ": changed.never,
        "same_again": len(merges),
        "share": changed.share.estimate,
        "low": changed.share.low,
        "high": changed.share.high,
        "n": changed.share.n,
        "median_step": merges[(len(merges) - 1) // 2] if merges else None,
        "caution": "; ".join(changed.cautions),
    }


def _seen(seen: Seen) -> dict[str, Any]:
    final = {"final": seen.final.estimate, "final_low": seen.final.low, "final_high": seen.final.high}
    names = {"network": seen.network, "change": seen.change.words, "embedder": seen.embedder}
    caution = "; ".join(caution.replace("step", "round") for caution in seen.growth.cautions)
    return names | _rate(seen.growth) | final | {"final_n": seen.final.n, "floor": seen.floor, "caution": caution}


def _sized(sized: Sized) -> dict[str, Any]:
    exponent = sized.size.exponent
    return {
        "network": sized.network,
        "embedder": sized.embedder,
        "twins": sized.size.pairs,
        "exponent": exponent.estimate,
        "low": exponent.low,
        "high": exponent.high,
        "n": exponent.n,
        "spread": sized.size.spread,
        "smallest_change": sized.smallest.change.words,
        "caution": "; ".join(sized.size.cautions),
    }


def _rate(growth: TwinGrowth) -> dict[str, Any]:
    return {
        "twins": growth.pairs,
        "rate": growth.rate.estimate,
        "low": growth.rate.low,
        "high": growth.rate.high,
        "n": growth.rate.n,
        "r_squared": growth.r_squared,
        "first_round": growth.first,
        "last_round": growth.last,
        "saturated_from": growth.saturation,
    }


def _separations(separations: Sequence[Separations]) -> pl.DataFrame:
    import polars as pl

    pieces = [
        pl.DataFrame({"step": each.steps, "separation": each.distances}).select(
            pl.lit(each.pair.twin.run_id).alias("run_id"),
            pl.lit(each.pair.run.network).alias("network"),
            pl.lit(each.pair.change.words).alias("change"),
            pl.lit(each.embedder).alias("embedder"),
            "step",
            "separation",
        )
        for each in separations
    ]
    return pl.concat(pieces) if pieces else _frame([], _SEPARATIONS)


def _curve(seen: Seen) -> list[dict[str, Any]]:
    """The mean separation at the steps of the pair that was compared longest."""
    steps = max((each.steps for each in seen.group), key=len)
    return [
        {
            "network": seen.network,
            "change": seen.change.words,
            "embedder": seen.embedder,
            "step": int(step),
            "mean": float(mean),
            "low": float(low),
            "high": float(high),
            "n": sum(len(each.distances) > place for each in seen.group),
        }
        for place, (step, mean, low, high) in enumerate(
            zip(steps, seen.growth.mean, seen.growth.low, seen.growth.high, strict=True)
        )
    ]


def _frame(rows: list[dict[str, Any]], columns: dict[str, str]) -> pl.DataFrame:
    import polars as pl

    frame = pl.DataFrame(rows, schema={name: getattr(pl, kind) for name, kind in columns.items()})
    return frame.with_columns(pl.selectors.float().fill_nan(None))


_PAIRS = {
    **dict.fromkeys(("run_id", "twin_of", "network", "prompt"), "String"),
    "seed": "Int64",
    **dict.fromkeys(("change", "kind"), "String"),
    **dict.fromkeys(("size", "step", "differs_from", "same_again_from", "compared_to"), "Int64"),
    "caution": "String",
}
_CHANGES = {
    **dict.fromkeys(("network", "change"), "String"),
    **dict.fromkeys(("runs", "twins", "never_differ", "same_again"), "Int64"),
    **dict.fromkeys(("share", "low", "high"), "Float64"),
    **dict.fromkeys(("n", "median_step"), "Int64"),
    "caution": "String",
}
_RATE = {
    "twins": "Int64",
    **dict.fromkeys(("rate", "low", "high"), "Float64"),
    "n": "Int64",
    "r_squared": "Float64",
    **dict.fromkeys(("first_round", "last_round", "saturated_from"), "Int64"),
}
_GROWTH = {
    **dict.fromkeys(("network", "change", "embedder"), "String"),
    **_RATE,
    **dict.fromkeys(("final", "final_low", "final_high"), "Float64"),
    "final_n": "Int64",
    "floor": "Float64",
    "caution": "String",
}
_SIZES = {
    **dict.fromkeys(("network", "embedder"), "String"),
    "twins": "Int64",
    **dict.fromkeys(("exponent", "low", "high"), "Float64"),
    "n": "Int64",
    "spread": "Float64",
    **dict.fromkeys(("smallest_change", "caution"), "String"),
}
_SEPARATIONS = {
    **dict.fromkeys(("run_id", "network", "change", "embedder"), "String"),
    "step": "Int64",
    "separation": "Float64",
}
_CURVES = {
    **dict.fromkeys(("network", "change", "embedder"), "String"),
    "step": "Int64",
    **dict.fromkeys(("mean", "low", "high"), "Float64"),
    "n": "Int64",
}
