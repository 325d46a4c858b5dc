"""Perez et al., arXiv 2407.04503: attractor position and strength of the length of texts, first and last generation.

The initial property is that of the prompt, the final one that of the run's last text; runs of a prompt belong together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from panic_tda.answers.answer import Answer, Request
from panic_tda.answers.evidence import Evidence
from panic_tda.answers.finding import Finding, finding_of
from panic_tda.answers.published.chains import chain_cautions, ended, texts_of
from panic_tda.answers.trajectory import Run
from panic_tda.answers.words import between, count
from panic_tda.errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from panic_tda.analysis.attractor_regression import Attractor
    from panic_tda.analysis.generations import GenerationTest

QUESTION = "As Perez et al. ask: where are texts drawn to, and how strongly?"
PROPERTY = "length in characters"


class Lengths(NamedTuple):
    """The length of a run's prompt, of its first, and of its last text."""

    run: Run
    initial: int
    first: int
    final: int


class Network(NamedTuple):
    """What was found for one network; ``absence`` says why there is no regression."""

    name: str
    runs: list[Lengths]
    attractor: Attractor | None
    absence: str
    generations: GenerationTest
    cautions: tuple[str, ...]


def perez(evidence: Evidence, request: Request) -> Answer:
    """For each network that makes texts from prompts in words, the regression and the test of its generations."""
    lengths: dict[str, list[Lengths]] = {}
    runs: dict[str, int] = {}
    for trajectory in evidence.trajectories:
        run = trajectory.run
        runs[run.network] = runs.get(run.network, 0) + 1
        texts = texts_of(trajectory) if run.prompt_type == "text" and ended(trajectory) else []
        if texts:
            lengths.setdefault(run.network, []).append(Lengths(run, len(run.prompt), len(texts[0]), len(texts[-1])))
    if not lengths:
        return Answer("perez", QUESTION, absence="no finished run goes from a prompt in words to texts")
    found = [
        _network(name, group, runs[name], request.rng) for name, group in request.each(lengths.items(), "networks")
    ]
    tables = {"attractors": _attractors(found), "generations": _generations(found), "runs": _runs(found)}
    return Answer("perez", QUESTION, tuple(_finding(each) for each in found), tables)


def _network(name: str, group: list[Lengths], runs: int, rng: np.random.Generator) -> Network:
    from panic_tda.analysis.attractor_regression import attractor_regression
    from panic_tda.analysis.generations import first_against_last

    prompts = [each.run.prompt_sha256 for each in group]
    test = first_against_last([each.first for each in group], [each.final for each in group], rng, groups=prompts)
    cautions = tuple(chain_cautions(len(group), runs))
    try:
        attractor = attractor_regression(
            [each.initial for each in group], [each.final for each in group], groups=prompts
        )
    except RequestError as fault:
        few = f"{count(len(set(prompts)), 'prompt')} where a regression needs 4" if len(set(prompts)) < 4 else ""
        return Network(name, group, None, few or fault.message, test, cautions)
    return Network(name, group, attractor, "", test, cautions)


def _finding(found: Network) -> Finding:
    test = found.generations
    after = f"first and last texts {'differ' if test.p_value <= 0.05 else 'do not clearly differ'} in length "
    after += f"(Kolmogorov–Smirnov distance {test.distance:.2f}, p = {test.p_value:.3f})"
    cautions = (*found.cautions, *found.generations.cautions)
    if found.attractor is None:
        return Finding("attractor", f"{found.name}: {after}.", found.generations.distance, n=len(found.runs),
                       cautions=(*cautions, f"no attractor: {found.absence}"))  # fmt: skip
    position, strength = found.attractor.position, found.attractor.strength
    known = abs(position.low) != float("inf")
    where = f"texts are drawn to {between(position, 0)} characters" if known else "no length to which texts are drawn"
    said = (
        f"{found.name}: {where}, with strength {between(strength)} (0 the length is kept, 1 it is forgotten); {after}"
    )
    every = tuple(dict.fromkeys((*cautions, *found.attractor.cautions)))
    return finding_of("attractor", f"{said}.", strength, cautions=every)


def _attractors(found: list[Network]) -> pl.DataFrame:
    import polars as pl

    rows: list[dict[str, Any]] = []
    for each in found:
        row: dict[str, Any] = {"network": each.name, "property": PROPERTY}
        if each.attractor is not None:
            position, strength = each.attractor.position, each.attractor.strength
            row |= {
                "position": position.estimate, "position_low": position.low, "position_high": position.high,
                "strength": strength.estimate, "strength_low": strength.low, "strength_high": strength.high,
                "intercept": each.attractor.intercept, "slope": each.attractor.slope,
                "r_squared": each.attractor.r_squared,
            }  # fmt: skip
        cautions = each.attractor.cautions if each.attractor else (each.absence,)
        prompts = len({one.run.prompt_sha256 for one in each.runs})
        row |= {"n": len(each.runs), "prompts": prompts, "caution": "; ".join((*each.cautions, *cautions))}
        rows.append(row)
    numbers = ("position", "position_low", "position_high", "strength", "strength_low", "strength_high",
               "intercept", "slope", "r_squared")  # fmt: skip
    schema = {"network": pl.String, "property": pl.String, **dict.fromkeys(numbers, pl.Float64),
              "n": pl.Int64, "prompts": pl.Int64, "caution": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col(numbers).fill_nan(None))


def _generations(found: list[Network]) -> pl.DataFrame:
    import polars as pl

    rows = [
        {
            "network": each.name,
            "property": PROPERTY,
            "distance": each.generations.distance,
            "p_value": each.generations.p_value,
            "p_independent": each.generations.p_independent,
            "n": each.generations.n,
            "caution": "; ".join((*each.cautions, *each.generations.cautions)),
        }
        for each in found
    ]
    return pl.DataFrame(rows)


def _runs(found: list[Network]) -> pl.DataFrame:
    import polars as pl

    rows = [
        {
            "run_id": one.run.run_id,
            "network": one.run.network,
            "prompt": one.run.prompt,
            "seed": one.run.seed,
            "initial": one.initial,
            "first": one.first,
            "final": one.final,
        }
        for each in found
        for one in each.runs
    ]
    return pl.DataFrame(rows)
