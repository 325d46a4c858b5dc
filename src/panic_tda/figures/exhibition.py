"""From the record to pictures and pages: what ``export`` and ``demo`` show."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from panic_tda import __version__
from panic_tda.answers.evidence import frames_of
from panic_tda.answers.finding import Finding
from panic_tda.answers.outcomes import findings
from panic_tda.answers.trajectory import run_rows, trajectories
from panic_tda.errors import RequestError, make_folder
from panic_tda.figures.answered import Answered
from panic_tda.figures.film import film, heading
from panic_tda.figures.image_files import write_image
from panic_tda.figures.mosaic import mosaic
from panic_tda.figures.packing import packing
from panic_tda.figures.report import ModelFacts, Reproduction, report_html
from panic_tda.figures.timeline import painted, svg, timeline
from panic_tda.figures.video import RESOLUTIONS, write_video
from panic_tda.figures.whole_file import written_whole
from panic_tda.lab.progress import Pace, Progress, ignore_progress
from panic_tda.models.catalogue import catalogue
from panic_tda.store import frames
from panic_tda.store.database import Record
from panic_tda.store.experiments import find_experiment
from panic_tda.store.images import count_images, images_of
from panic_tda.store.model_versions import library_versions
from panic_tda.store.outputs import load_image
from panic_tda.store.progress import count_twins
from panic_tda.store.steps import Choice, aspect_of_images, chosen_runs_frame, moments, steps_frame

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage


def write_mosaic(record: Record, experiment_ids: Sequence[str], path: Path, *, twins: bool = False) -> Path:
    """One image of all runs × steps, in the format of the path's ending; twins are left out unless ``twins``."""
    choice = Choice(tuple(experiment_ids), twins=twins)
    runs = chosen_runs_frame(record, choice)
    with record.reading() as connection:
        left_out = 0 if twins else sum(count_twins(connection, key) for key in experiment_ids)
    picture = mosaic(runs, steps_frame(record, choice), image_loader(record), left_out=left_out)
    with written_whole(path) as aside:
        picture.save(aside)
    return path


def write_film(
    record: Record,
    choice: Choice,
    path: Path,
    *,
    size: tuple[int, int] = RESOLUTIONS["hd"],
    fps: int = 4,
    codec: str = "h265",
    quality: str = "good",
    report: Callable[[Progress], None] = ignore_progress,
) -> Path:
    """A film of the chosen runs in an MP4, ``fps`` steps a second, as long as the longest of them.

    Raises ``RequestError`` when no run has made a step, or when there are too many runs for the frame.
    """
    runs = run_rows(chosen_runs_frame(record, choice))
    length = max((run.length for run in runs), default=0)
    if not length:
        raise RequestError("there is nothing to show yet: no run has made a step", hint="panic-tda experiment resume")
    shape = packing(len(runs), *size, aspect_of_images(record, choice))
    steps = moments(record, choice, length, runs_at_once=len(runs))
    frames = film(runs, steps, image_loader(record), shape, length=length)
    title = f"Feedback loops: {heading(runs)}"
    return write_video(
        _paced(frames, length, report), path, size=size, fps=fps, codec=codec, quality=quality, title=title
    )


def _paced(frames: Iterable[PillowImage], length: int, report: Callable[[Progress], None]) -> Iterator[PillowImage]:
    """The frames, with a report before the first and after each has been used."""
    pace = Pace("film", done=0, remaining={"frame": length}, report=report)
    pace.tell()
    began = time.monotonic()
    for frame in frames:
        yield frame
        pace.advance("frame", 1, time.monotonic() - began)
        pace.tell()
        began = time.monotonic()


def write_timeline(record: Record, choice: Choice, path: Path) -> Path:
    """The chosen runs as timelines under each other, in the format of the path's ending, SVG among them."""
    found = trajectories(chosen_runs_frame(record, choice), steps_frame(record, choice))
    drawn = timeline(found, aspect=aspect_of_images(record, choice))
    with written_whole(path) as aside:
        if path.suffix.lower() == ".svg":
            with aside.open("w", encoding="utf-8") as file:
                file.writelines(svg(drawn, image_loader(record), title=heading([each.run for each in found])))
        else:
            painted(drawn, image_loader(record)).save(aside)
    return path


def write_images(
    record: Record, choice: Choice, folder: Path, kind: str, *, report: Callable[[Progress], None] = ignore_progress
) -> list[Path]:
    """A file for each image that the chosen runs made, with its record inside; ``kind`` is a key of ``FORMATS``."""
    run_ids = chosen_runs_frame(record, choice)["run_id"].to_list()
    pace = Pace("images", done=0, remaining={kind: count_images(record, run_ids)}, report=report)
    make_folder(folder)
    load, written = image_loader(record), []
    pace.tell()
    for made in chain.from_iterable(images_of(record, run_id) for run_id in run_ids):
        began = time.monotonic()
        written.append(write_image(load(made.sha256), made, folder, kind))
        pace.advance(kind, 1, time.monotonic() - began)
        pace.tell()
    return written


def write_report(
    record: Record, experiment_ids: Sequence[str], path: Path, *, title: str, answers: Sequence[Answered] = ()
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
    with written_whole(path) as aside:
        aside.write_text(page, encoding="utf-8")
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
