"""One self-contained page about an experiment: what was found first, then what it is founded on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from panic_tda.answers.evidence import Frames
from panic_tda.answers.finding import Finding
from panic_tda.answers.outcomes import findings
from panic_tda.answers.trajectory import Run, in_order, run_rows, trajectories
from panic_tda.answers.words import count, prompt_name, seed_name
from panic_tda.figures.answered import Answered, answer_sentences, answers_section, finding_items
from panic_tda.figures.charts import curves_section, diagrams_section, recurrence_section, stops_section
from panic_tda.figures.html import folded, paragraph, section, table, visible
from panic_tda.figures.strip import trajectory_strip

if TYPE_CHECKING:
    from panic_tda.answers.trajectory import ImageLoader

_LISTED = 12


class ModelFacts(NamedTuple):
    """A model as the report names it."""

    name: str
    signature: str
    version: str
    licence: str


class Reproduction(NamedTuple):
    """What another person needs: shell ``commands`` in order, the ``configuration`` file, package ``versions``."""

    commands: Sequence[str]
    configuration: str
    versions: Mapping[str, str]


def report_html(
    frames: Frames,
    load_image: ImageLoader,
    *,
    title: str,
    models: Sequence[ModelFacts],
    reproduction: Reproduction,
    answers: Sequence[Answered] = (),
    most_runs: int = 24,
) -> str:
    """The page as a string: no script, nothing loaded from elsewhere, images and charts inside; same input, same page.

    ``answers`` of the analyses stand under their questions, first in sentences, then with their figures.
    At most ``most_runs`` runs, the first of each network in turn, are shown in full; the page says how many are
    not. Counts, findings and the stop reasons are about all runs.
    """
    runs = run_rows(frames.runs)
    shown = _shown(frames, most_runs)
    found = findings(frames.runs, frames.invocations, frames.embeddings)
    hidden = len(runs) - len(shown.runs)
    body = [
        _header(title, frames, runs, models),
        section("Findings", *_findings(found, answers)),
        section("Trajectories", _hidden_words(hidden, len(shown.runs)), *_strips(shown, load_image)),
        curves_section(shown.runs, shown.embeddings),
        recurrence_section(shown.runs, shown.invocations, shown.embeddings),
        diagrams_section(shown.runs, shown.persistence_bars, shown.persistence_diagrams),
        stops_section(frames.runs),
        answers_section(answers),
        section("Failures", _failures(runs)),
        section("Reproduce", *_reproduce(reproduction)),
    ]
    return _page(title, "\n".join(part for part in body if part))


def _page(title: str, body: str) -> str:
    style = files("panic_tda.figures").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{visible(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )


def _shown(frames: Frames, most: int) -> Frames:
    """The same frames with at most ``most`` runs, taken from the networks in turn."""
    import polars as pl

    turns = (
        in_order(frames.runs)
        .with_row_index("place")
        .with_columns(
            turn=pl.col("place").rank("ordinal").over("network"),
        )
    )
    kept = turns.sort("turn", "place").head(most).sort("place")["run_id"].to_list()
    return Frames(*(frame.filter(pl.col("run_id").is_in(kept)) for frame in frames))


def _header(title: str, frames: Frames, runs: Sequence[Run], models: Sequence[ModelFacts]) -> str:
    networks = list(dict.fromkeys(run.network for run in runs))
    prompts = list({run.prompt_sha256: prompt_name(run, 120) for run in runs}.values())
    seeds = list(dict.fromkeys(seed_name(run).removeprefix("seed ") for run in runs))
    sizes = {"run": len(runs), "step": len(frames.invocations), "embedding": len(frames.embeddings)}
    size = ", ".join(count(number, noun) for noun, number in sizes.items())
    facts = [("Networks", networks), ("Prompts", prompts), ("Seeds", seeds)]
    entries = "".join(f"<dt>{name}</dt><dd>{_items(values)}</dd>" for name, values in facts if values)
    named = [f"{model.name} ({model.licence})" for model in models]
    entries += f"<dt>Models</dt><dd>{_items(named)}{_model_table(models)}</dd>" if models else ""
    words = size if runs else "This experiment has no runs."
    return f'<h1>{visible(title)}</h1>\n{paragraph(words, "faint")}\n<dl class="facts">{entries}</dl>'


def _items(values: Sequence[str]) -> str:
    shown = "".join(f'<span class="item">{visible(value)}</span>' for value in values[:_LISTED])
    return shown + folded(f"and {len(values) - _LISTED:,} more", values[_LISTED:])


def _model_table(models: Sequence[ModelFacts]) -> str:
    rows = table(("Model", "Signature", "Version", "Licence"), models)
    return f"<details><summary>versions and licences</summary>{rows}</details>"


def _findings(found: Sequence[Finding], told: Sequence[Answered]) -> list[str]:
    if not found:
        return [paragraph("There is nothing to report yet.")]
    return ["<h3>What happened</h3>" if told else "", finding_items(found), *answer_sentences(told)]


def _hidden_words(hidden: int, shown: int) -> str:
    if hidden <= 0:
        return ""
    verb = "is" if hidden == 1 else "are"
    return paragraph(
        f"{count(shown, 'run')} {'is' if shown == 1 else 'are'} shown here and in the charts below; "
        f"{count(hidden, 'more run')} {verb} not shown. Findings and stop reasons are about all of them.",
        "note",
    )


def _strips(shown: Frames, load_image: ImageLoader) -> list[str]:
    return [trajectory_strip(each, load_image) for each in trajectories(shown.runs, shown.invocations)]


def _failures(runs: Sequence[Run]) -> str:
    failed = [run for run in runs if run.stop_reason == "failed" or run.failure]
    if not failed:
        return paragraph("No run failed.") if runs else ""
    rows = [
        (run.network, prompt_name(run), seed_name(run).removeprefix("seed "), run.length, run.failure or "not recorded")
        for run in failed
    ]
    return table(("Network", "Prompt", "Seed", "Steps before", "Reason"), rows)


def _reproduce(reproduction: Reproduction) -> list[str]:
    parts = []
    if reproduction.commands:
        parts.append(f"<pre>{visible(chr(10).join(reproduction.commands))}</pre>")
    if reproduction.configuration:
        parts += [paragraph("The configuration file:"), f"<pre>{visible(reproduction.configuration)}</pre>"]
    if reproduction.versions:
        parts.append(table(("Package", "Version"), reproduction.versions.items()))
    return parts
