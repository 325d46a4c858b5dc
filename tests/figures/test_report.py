from __future__ import annotations

import re
from html.parser import HTMLParser

import polars as pl
import pytest

from panic_tda.figures.report import ModelFacts, Reproduction, report_html
from support.builders import MODELS, REPRODUCTION, Lab, small_lab

VOID = {"meta", "img", "br", "hr", "link", "input"}


def page(lab: Lab, *, title: str = "A test", most_runs: int = 24) -> str:
    return report_html(
        lab.frames(), lab.load_image, title=title, models=MODELS, reproduction=REPRODUCTION, most_runs=most_runs
    )


class Checker(HTMLParser):
    """Checks that tags nest, and collects tags, attributes and identifiers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("lab", [small_lab(), Lab()], ids=["five runs", "no runs"])
def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere(lab: Lab) -> None:
    html = page(lab)
    found = Checker(html)
    loads = [value for name, value in found.attributes if name in {"src", "href", "xlink:href", "data", "srcset"}]
    assert all(value.startswith(("data:", "#")) for value in loads)
    assert not {"script", "link", "iframe", "object", "embed"} & set(found.tags)
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import", html)
    assert len(found.tags) > 10


def test_the_same_input_gives_the_same_page() -> None:
    assert page(small_lab()) == page(small_lab())


def test_the_order_in_which_runs_were_made_does_not_change_the_page() -> None:
    lab = small_lab()
    frames = lab.frames()
    turned = frames._replace(runs=frames.runs.reverse(), invocations=frames.invocations.reverse())
    first, second = (
        report_html(each, lab.load_image, title="t", models=MODELS, reproduction=REPRODUCTION)
        for each in (frames, turned)
    )
    assert first == second


def test_text_of_others_is_escaped_everywhere() -> None:
    evil = "<script>alert('x')</script>&\"'\x1b\x1c"
    lab = Lab()
    run = lab.run(["picture", evil], network=f"{evil} → M", prompt=evil, stop="failed", failure=evil)
    lab.embed(run, [[1, 0]])
    lab.diagram(run, [(0, 0.0, 1.0)], absence=evil)
    html = report_html(
        lab.frames(),
        lab.load_image,
        title=evil,
        models=[ModelFacts(evil, evil, evil, evil)],
        reproduction=Reproduction([evil], evil, {evil: evil}),
    )
    found = Checker(html)
    assert "script" not in found.tags
    assert not {"\x1b", "\x1c"} & set(html)
    assert "".join(found.text).count("<script>alert('x')</script>&\"'··") > 10


def test_findings_stand_before_the_trajectories_and_these_before_the_charts() -> None:
    html = page(small_lab())
    order = re.findall(r"<h2>([^<]*)</h2>", html)
    assert order == [
        "Findings", "Trajectories", "Distance to the start", "Recurrence", "Persistence diagrams", "Stop reasons",
        "Failures", "Reproduce",
    ]  # fmt: skip
    assert "from step 1 with period 2" in html[: html.index("Trajectories")]


def test_what_was_run_is_said_at_the_top() -> None:
    top = page(small_lab()).partition("<h2>")[0]
    for words in ("5 runs, 16 steps, 6 embeddings", "Glyph → RapidOCR", "“a boat”", "42", "Apache-2.0", "2+abc"):
        assert words in top


def test_every_image_step_has_its_image_and_every_text_step_its_text() -> None:
    found = Checker(page(small_lab()))
    assert found.tags.count("img") == 8
    assert "a goat" in found.text
    assert "(empty)" in found.text


def test_image_prompts_are_shown() -> None:
    lab = Lab()
    lab.images["f" * 64] = "start"
    lab.run(["a"], network="M", cycle=("text",), prompt="image ffffff…", prompt_type="image", prompt_sha256="f" * 64)
    assert 'alt="the start image"' in page(lab)


def test_steps_of_the_loop_are_marked() -> None:
    assert page(small_lab()).count('class="in-loop"') == 5


def test_long_runs_are_shown_in_part_and_the_page_says_so() -> None:
    lab = Lab()
    lab.run([f"word {step}" for step in range(100)], network="M", cycle=("text",))
    html = page(lab)
    assert "40 of 100 steps shown" in html
    assert "steps left out" in html


def test_very_long_texts_are_cut_and_the_page_says_so() -> None:
    lab = Lab()
    lab.run(["long " * 1_000], network="M", cycle=("text",))
    assert "… (5,000 characters)" in page(lab)


def test_of_many_runs_some_of_each_network_are_shown_and_the_rest_counted() -> None:
    lab = Lab()
    for network in ("A", "B"):
        for seed in range(4):
            lab.run([f"{network}{seed}"], network=network, cycle=("text",), seed=seed)
    html = page(lab, most_runs=2)
    assert "2 runs are shown here and in the charts below; 6 more runs are not shown." in html
    assert html.count('<article class="run">') == 2
    assert "None of the 8 runs got stuck" in html
    shown = html[html.index("<h2>Trajectories") : html.index("<h2>Distance")]
    assert "A0" in shown
    assert "B0" in shown


def test_one_hidden_run_is_told_in_the_singular() -> None:
    lab = Lab()
    for seed in range(2):
        lab.run(["a"], network="M", cycle=("text",), seed=seed)
    assert "1 run is shown here and in the charts below; 1 more run is not shown." in page(lab, most_runs=1)


def test_entropies_come_with_the_warning_that_they_depend_on_the_number_of_bars() -> None:
    html = page(small_lab())
    assert "plain persistent entropy grows with the number of bars" in html
    assert "fewer than 2 distinct points" in html
    assert "Distinct" in html


def test_diagrams_on_landmarks_or_of_incomplete_runs_say_so() -> None:
    lab = small_lab()
    frames = lab.frames()
    extra = frames.persistence_diagrams.with_columns(unmeasured=pl.lit(3), covering_radius=pl.lit(0.125))
    html = report_html(
        frames._replace(persistence_diagrams=extra),
        lab.load_image,
        title="t",
        models=MODELS,
        reproduction=REPRODUCTION,
    )
    assert "3 outputs without a vector left out" in html
    assert "births and deaths are off by at most 0.25" in html


def test_runs_without_embeddings_are_told_as_such() -> None:
    lab = Lab()
    lab.run(["a"], network="M", cycle=("text",))
    html = page(lab)
    assert "No output of these runs has an embedding" in html
    assert "Persistence diagrams" not in html
    assert "No run failed." in html


def test_an_experiment_without_runs_gives_a_page() -> None:
    html = page(Lab())
    assert "This experiment has no runs." in html
    assert "There is nothing to report yet." in html


def test_long_lists_are_folded_with_their_number() -> None:
    lab = Lab()
    for seed in range(70):
        lab.run(["a", "a"], network="M", cycle=("text",), seed=seed, stop="loop", period=1)
    html = page(lab, most_runs=1)
    assert "and 58 more" in html
    assert "and 10 more" in html


def test_a_run_that_was_repeated_shows_its_number() -> None:
    lab = Lab()
    lab.run(["a"], network="M", cycle=("text",), run_number=3)
    assert "seed 42, run 3" in page(lab)


def test_without_commands_nothing_is_said_about_reproduction() -> None:
    lab = small_lab()
    empty = Reproduction([], "", {})
    assert "Reproduce" not in report_html(lab.frames(), lab.load_image, title="t", models=[], reproduction=empty)


def test_commands_configuration_and_versions_are_given_word_for_word() -> None:
    html = page(small_lab())
    for words in ("panic-tda experiment perform experiment.yaml", "network: [Glyph, RapidOCR]", "0.1.0"):
        assert words in html
