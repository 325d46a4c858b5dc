"""From the record to pictures and pages: what ``export`` and ``demo`` show."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from panic_tda import __version__
from panic_tda.answers.answer import Answer
from panic_tda.answers.evidence import frames_of
from panic_tda.answers.finding import Finding
from panic_tda.answers.outcomes import findings
from panic_tda.figures.mosaic import mosaic
from panic_tda.figures.report import ModelFacts, Reproduction, report_html
from panic_tda.models.catalogue import catalogue
from panic_tda.store import frames
from panic_tda.store.database import Record
from panic_tda.store.experiments import find_experiment
from panic_tda.store.model_versions import library_versions
from panic_tda.store.outputs import load_image

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage


def write_mosaic(record: Record, experiment_ids: Sequence[str], path: Path) -> Path:
    """One image of all runs × steps, in the format of the path's ending."""
    picture = mosaic(
        frames.runs_frame(record, experiment_ids),
        frames.invocations_frame(record, experiment_ids),
        image_loader(record),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def write_report(
    record: Record, experiment_ids: Sequence[str], path: Path, *, title: str, answers: Sequence[Answer] = ()
) -> Path:
    """One self-contained HTML file, with the answers of the analyses that were asked."""
    page = report_html(
        frames_of(record, experiment_ids),
        image_loader(record),
        title=title,
        models=_models(record, experiment_ids),
        reproduction=_reproduction(record, experiment_ids),
        answers=answers,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def report_title(experiment_ids: Sequence[str]) -> str:
    """The title of a report that was given none."""
    return f"Feedback loops: experiment {', '.join(key[:13] for key in experiment_ids)}"


def found(record: Record, experiment_ids: Sequence[str]) -> list[Finding]:
    """What there is to say about the experiments, the most telling first."""
    everything = frames_of(record, experiment_ids)
    return findings(everything.runs, everything.invocations, everything.embeddings)


def image_loader(record: Record) -> Callable[[str], PillowImage]:
    """Loads images of the record by key."""

    def load(key: str) -> PillowImage:
        with record.reading() as connection:
            return load_image(connection, key).to_pillow()

    return load


def _models(record: Record, experiment_ids: Sequence[str]) -> list[ModelFacts]:
    known = catalogue()
    versions = frames.model_versions_frame(record, experiment_ids).select("name", "version").iter_rows()
    return [
        ModelFacts(
            name,
            str(known[name].signature) if name in known else "unknown",
            version,
            known[name].licence if name in known else "unknown",
        )
        for name, version in versions
    ]


def _reproduction(record: Record, experiment_ids: Sequence[str]) -> Reproduction:
    with record.reading() as connection:
        configs = [find_experiment(connection, key).config for key in experiment_ids]
    return Reproduction(
        commands=[
            f"pip install panic-tda=={__version__}",
            "panic-tda experiment perform experiment.json",
            "panic-tda analyse latest",
        ],
        configuration="\n".join(json.dumps(config, indent=2, ensure_ascii=False) for config in configs),
        versions={"python": sys.version.split()[0], "panic-tda": __version__} | library_versions(),
    )
