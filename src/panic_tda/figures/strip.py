"""A run as a line of images and captions that one scrolls along."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from panic_tda.answers.trajectory import Run, Step, Trajectory, cycle_length, evenly_by_cycle
from panic_tda.answers.words import count, number_name, prompt_name, seed_name, stop_reason, stop_words
from panic_tda.figures.html import data_uri, visible

if TYPE_CHECKING:
    from panic_tda.answers.trajectory import ImageLoader

_PIXELS, _LONG, _LONGEST_TEXT = 240, 80, 1_500


def trajectory_strip(trajectory: Trajectory, load_image: ImageLoader, *, most: int = 40) -> str:
    """One run: its name, how it ended, and its steps; of more than ``most`` steps whole cycles, and says so."""
    run = trajectory.run
    chosen = evenly_by_cycle(len(trajectory.steps), cycle_length(trajectory), most)
    some = (
        f"{len(chosen)} of {count(len(trajectory.steps), 'step')} shown" if len(chosen) < len(trajectory.steps) else ""
    )
    tiles, before = [_start(run, load_image)], -1
    for index in chosen:
        if index > before + 1:
            tiles.append(f'<li class="gap" title="{index - before - 1} steps left out">⋯</li>')
        tiles.append(_tile(trajectory.steps[index], load_image, trajectory.loop_start))
        before = index
    number = f", {number_name(run)}" if run.run_number else ""
    return (
        f'<article class="run"><header><h3>{visible(prompt_name(run, 160))}</h3>'
        f"<span>{visible(run.network)}</span><span>{visible(seed_name(run) + number)}</span>"
        f'<span class="badge {escape(stop_reason(run))}">{visible(stop_words(trajectory))}</span>'
        f"{f'<span class={chr(34)}faint{chr(34)}>{some}</span>' if some else ''}</header>"
        f'<ol class="strip" tabindex="0" aria-label="steps of the run">{"".join(tiles)}</ol></article>'
    )


def _start(run: Run, load_image: ImageLoader) -> str:
    if run.prompt_type == "image":
        shown = _image(run.prompt_sha256, "the start image", load_image)
    else:
        shown = f'<div class="tile text start{_long(run.prompt)}">{_text(run.prompt)}</div>'
    return f'<li><div class="step"><b>start</b></div>{shown}</li>'


def _tile(step: Step, load_image: ImageLoader, loop_start: int | None) -> str:
    looping = loop_start is not None and step.sequence_number >= loop_start
    warning = f' <span class="warn">{visible(step.degenerate)}</span>' if step.degenerate else ""
    if step.type == "image":
        shown = _image(step.sha256, f"step {step.sequence_number}, made by {step.model}", load_image)
    else:
        shown = f'<div class="tile text{_long(step.text or "")}">{_text(step.text or "")}</div>'
    name = f'<div class="step"><b>{step.sequence_number}</b> {visible(step.model)}{warning}</div>'
    return f"<li{' class=' + chr(34) + 'in-loop' + chr(34) if looping else ''}>{name}{shown}</li>"


def _image(sha256: str, words: str, load_image: ImageLoader) -> str:
    return f'<div class="tile"><img alt="{visible(words)}" src="{data_uri(load_image(sha256), _PIXELS)}"></div>'


def _long(text: str) -> str:
    """The class of a text that is set smaller, so that most of them are seen whole."""
    return " long" if len(text) > _LONG else ""


def _text(text: str) -> str:
    """The text, cut where nobody reads on; the empty text is named, so that it is not taken for a fault of the page."""
    if not text.strip():
        return '<span class="faint">(empty)</span>'
    cut = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}… ({len(text):,} characters)"
    return visible(cut.strip())
