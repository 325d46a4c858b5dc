"""Twin runs: what is changed, and that everything else of a run and of the record stays what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.content import Content, Image, Text
from panic_tda.errors import ConfigurationError
from panic_tda.lab.config import MAX_SEED
from panic_tda.lab.forecast import forecast
from panic_tda.lab.perform import create, extend, perform
from panic_tda.lab.status import experiment_status
from panic_tda.lab.twins import changeable, changed_prompt, changed_prompts, noise_seed, variety
from panic_tda.lab.validation import validate_config
from panic_tda.models.model import ModelSpec
from panic_tda.store.database import Record, open_record
from panic_tda.store.runs import list_runs, run_trajectory
from panic_tda.store.tables import invocations, runs
from support.canonical import Canonical, canonical
from support.contents import image
from support.laboratory import bench_on, fakes, performed
from support.wheel import SEED

__all__ = ["fakes"]

CONFIG: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["Test prompt", "a red apple"],
    "seeds": [42, 7],
    "twins": {"noise": {"count": 2, "step": 3}, "prompt": {"count": 2, "changes": [1, 4]}},
    "embedding_models": ["DummyText"],
    "max_length": 9,
    "stages": {"diagrams": {"max_dim": 0}},
}
TWINS = 6
WHEEL = {
    "network": ["Wheel"],
    "prompts": ["0"],
    "seeds": [SEED],
    "twins": {"noise": {"step": 7}},
    "embedding_models": ["Ruler"],
    "max_length": 40,
}


def planned(**changes: Any) -> list[Any]:
    return list(validate_config(CONFIG | changes, folder=Path()).planned_twins())


class TestSeeds:
    """The one seed that a noise twin has of its own."""

    @given(st.integers(0, MAX_SEED), st.integers(0, 999_999), st.sets(st.integers(0, 2**31 - 3), max_size=20))
    def test_are_valid_and_never_the_runs_own_and_all_different(self, seed: int, step: int, numbers: set[int]) -> None:
        seeds = {noise_seed(seed, step, number) for number in numbers}
        assert len(seeds) == len(numbers)
        assert all(0 <= other < MAX_SEED and other != seed for other in seeds)

    def test_never_change(self) -> None:
        """A record made by any earlier version is extended with the same twins."""
        assert [noise_seed(42, 0, 0), noise_seed(42, 0, 1), noise_seed(42, 3, 0)] == [
            1067996215,
            1067996216,
            1848500053,
        ]


class TestPrompts:
    """The prompts of prompt twins."""

    def test_never_change(self) -> None:
        twins = changed_prompts(Text("A red apple, 7 pears."), 2, 3)
        assert [twin.value for twin in twins if isinstance(twin, Text)] == [
            "A rej apple, 7 peare.",
            "A red applr, 7 poars.",
            "A vsd apple, 7 pears.",
        ]

    @given(st.text(st.sampled_from("abcXYZ019 ,.é日"), max_size=12), st.integers(1, 12), st.integers(0, 2**40))
    def test_of_texts_differ_in_so_many_letters_and_digits(self, value: str, changes: int, draw: int) -> None:
        text = Text(value)
        assert changeable(text) == sum(character.isalnum() for character in value)
        if changes > changeable(text):
            assert variety(text, changes) == 0
            return
        twin = changed_prompt(text, changes, draw)
        assert isinstance(twin, Text)
        pairs = [(old, new) for old, new in zip(value, twin.value, strict=True) if old != new]
        assert len(pairs) == changes
        for old, new in pairs:
            assert (old.isdigit(), old.isupper()) == (new.isdigit(), new.isupper())
            assert new.isascii()

    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    @pytest.mark.parametrize("changes", [1, 7, 15])
    def test_of_images_differ_in_so_many_pixels_by_one_level_in_each_colour(self, mode: str, changes: int) -> None:
        start = image(3, mode=mode)
        step = len(mode)
        pixels = bytes([0, 255]) + start.pixels[2:]
        start = replace(start, pixels=pixels)
        twin = changed_prompt(start, changes, 0)
        assert isinstance(twin, Image)
        differences = [new - old for old, new in zip(start.pixels, twin.pixels, strict=True)]
        changed = [differences[at : at + step] for at in range(0, len(differences), step)]
        assert sum(any(pixel) for pixel in changed) == changes
        assert all({abs(level) for level in pixel[:3]} == {1} and not any(pixel[3:]) for pixel in changed if any(pixel))

    @pytest.mark.parametrize(
        ("start", "changes", "count"), [(Text("7"), 1, 9), (Text("a b"), 2, 200), (image(), 1, 15)]
    )
    def test_are_all_different_as_long_as_there_is_variety(self, start: Content, changes: int, count: int) -> None:
        assert variety(start, changes) >= count
        twins = changed_prompts(start, changes, count)
        assert len({twin.sha256 for twin in twins} - {start.sha256}) == count
        assert changed_prompts(start, changes, 3) == twins[:3]

    def test_there_is_never_less_variety_than_said(self) -> None:
        assert variety(Text("7"), 1) == len({changed_prompt(Text("7"), 1, draw) for draw in range(300)})
        assert variety(Text("7a"), 2) <= 9 * 25
        assert variety(image(), 10) <= 3003  # 15 over 10


class TestPlan:
    """Which twins there must be."""

    def test_every_run_has_every_twin_and_all_else_is_equal(self) -> None:
        twins = planned()
        experiment = validate_config(CONFIG, folder=Path())
        ordinary = list(experiment.planned_runs())
        assert Counter(repr(twin.twin_of) for twin in twins) == dict.fromkeys(map(repr, ordinary), TWINS)
        assert experiment.count_runs() == len(ordinary) + len(twins)
        assert experiment.count_twins() == len(twins)
        assert sum(experiment.calls_of_each_model().values()) == experiment.count_runs() * CONFIG["max_length"]
        for twin in twins:
            same = replace(twin.run, run_number=twin.twin_of.run_number)
            if twin.perturbation["kind"] == "noise":
                assert same == twin.twin_of
                assert twin.perturbation == {"kind": "noise", "step": 3, "seed": twin.perturbation["seed"]}
            else:
                assert replace(same, prompt_id=twin.twin_of.prompt_id) == twin.twin_of != same
                assert twin.perturbation["changes"] in (1, 4)

    def test_no_two_runs_have_one_identity_even_where_prompts_are_twins_of_each_other(self) -> None:
        (neighbour,) = changed_prompts(Text("cat"), 1, 1)
        assert isinstance(neighbour, Text)
        prompts = ["cat", neighbour.value, "cut", "c"]
        changes = {"prompts": prompts, "twins": {"prompt": {"count": 20}, "noise": {"count": 3}}, "num_runs": 3}
        experiment = validate_config(CONFIG | changes, folder=Path())
        everything = [*experiment.planned_runs(), *(twin.run for twin in experiment.planned_twins())]
        identities = {(run.network_id, run.prompt_id, run.seed, run.run_number) for run in everything}
        assert len(identities) == len(everything) == experiment.count_runs()

    @pytest.mark.parametrize(
        "changes", [{"prompts": [*CONFIG["prompts"], "more"]}, {"seeds": [42, 7, 1]}, {"max_length": 30}], ids=str
    )
    def test_what_is_added_leaves_the_twins_that_are_there(self, changes: dict[str, Any]) -> None:
        def identities(twins: list[Any]) -> set[str]:
            return {repr((replace(t.run, max_length=0), t.twin_of.prompt_id, t.perturbation)) for t in twins}

        assert identities(planned()) <= identities(planned(**changes))

    def test_repeats_of_one_seed_have_noise_of_their_own(self) -> None:
        twins = planned(num_runs=3, twins={"noise": {"count": 2}}, prompts=["a"])
        assert len({twin.perturbation["seed"] for twin in twins}) == len(twins) == 3 * 2 * 2

    def test_images_and_texts_have_twins_of_their_kind(self, tmp_path: Path) -> None:
        image(1).to_pillow().save(tmp_path / "start.png")
        both = {
            "networks": [["DummyT2I", "DummyI2T"], ["DummyI2T", "DummyT2I"]],
            "prompts": ["abcdef", {"image": "start.png"}],
        }
        experiment = validate_config(CONFIG | both, folder=tmp_path)
        kinds = Counter(content.kind.value for content in experiment.changed_prompts())
        assert kinds == {"text": 4, "image": 4}
        assert experiment.count_runs() == 2 * 2 * (1 + TWINS)


def faults(**changes: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        validate_config(CONFIG | changes, folder=Path())
    return list(refused.value.issues)


NAMED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({"twins": {}}, ["twins: must hold noise, prompt or both"]),
    "nulls": ({"twins": {"noise": None}}, ["twins: must hold noise, prompt or both"]),
    "drawn": (
        {"seeds": [1, -1]},
        ["twins: need fixed seeds: a run of seed -1 cannot be repeated with one thing changed"],
    ),
    "too late": (
        {"twins": {"noise": {"step": 9}}},
        ["twins.noise.step: should be less than max_length 9, not 9"],
    ),
    "unknown": ({"twins": {"seed": {}}}, ["twins.seed: unknown key; the keys here are noise, prompt"]),
    "mistyped": ({"twins": {"nose": {}}}, ["twins.nose: unknown key; did you mean noise?"]),
    "in noise": ({"twins": {"noise": {"stp": 1}}}, ["twins.noise.stp: unknown key; did you mean step?"]),
    "in prompt": ({"twins": {"prompt": {"change": [1]}}}, ["twins.prompt.change: unknown key; did you mean changes?"]),
    "number": ({"twins": 2}, ["twins: should be a mapping, not 2"]),
    "bare": ({"twins": {"prompt": {"changes": 1}}}, ["twins.prompt.changes: should be a valid list, not 1"]),
    "none": ({"twins": {"prompt": {"changes": []}}}, ["twins.prompt.changes: must not be empty"]),
    "zero": (
        {"twins": {"prompt": {"changes": [0]}}},
        ["twins.prompt.changes[0]: should be greater than or equal to 1, not 0"],
    ),
    "twice": (
        {"twins": {"prompt": {"changes": [2, 1, 2]}}},
        ["twins.prompt.changes[2]: is the same as twins.prompt.changes[0]"],
    ),
    "too many": (
        {"prompts": ["a b!", "abcdefgh"], "twins": {"prompt": {"changes": [1, 3]}}},
        ["twins.prompt.changes[1]: prompts[0] has too few letters and digits (2) for 3 changes"],
    ),
    "too few": (
        {"prompts": ["7"], "twins": {"prompt": {"count": 10}}},
        ["twins.prompt.changes[0]: prompts[0] has too few letters and digits (1) for 10 different twins"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "wanted"), NAMED.values(), ids=NAMED.keys())
def test_twins_that_cannot_be_are_refused_with_one_line(changes: dict[str, Any], wanted: list[str]) -> None:
    assert faults(**changes) == wanted


def test_an_image_too_small_for_the_changes_is_refused(tmp_path: Path) -> None:
    image(1).to_pillow().save(tmp_path / "start.png")
    config = CONFIG | {"networks": [["DummyI2T", "DummyT2I"]], "prompts": [{"image": "start.png"}]}
    with pytest.raises(ConfigurationError, match=r"twins.prompt.changes\[0\]: prompts\[0\] has too few pixels \(15\)"):
        validate_config(config | {"twins": {"prompt": {"changes": [16]}}}, folder=tmp_path)


def test_twins_are_forecast(sqlite_record: Record) -> None:
    with bench_on(sqlite_record) as bench:
        told = forecast(bench, validate_config(CONFIG, folder=Path()))
    assert (told.runs, told.invocations) == (4 * (1 + TWINS), 4 * (1 + TWINS) * 9)


def trajectories(record: Record) -> dict[str, dict[str, Any]]:
    with record.reading() as connection:
        return {row["id"]: run_trajectory(connection, row["id"]) for row in list_runs(connection)}


def keys_of(run: dict[str, Any]) -> list[str]:
    return [step.get("text") or step["image_sha256"] for step in run["invocations"]]


def test_a_noise_twin_is_its_run_up_to_the_step_whose_seed_is_another(record: Record) -> None:
    performed(record, CONFIG)
    found = trajectories(record)
    twins = [run for run in found.values() if (run["perturbation"] or {}).get("kind") == "noise"]
    assert len(twins) == 4 * 2
    for twin in twins:
        base = found[twin["twin_of"]]
        assert (base["twin_of"], base["perturbation"]) == (None, None)
        assert (twin["prompt"], twin["seed"], twin["network"]) == (base["prompt"], base["seed"], base["network"])
        assert keys_of(twin)[:3] == keys_of(base)[:3]
        assert keys_of(twin)[3] != keys_of(base)[3]
        seeds = [step["seed"] for step in twin["invocations"]]
        assert seeds == [*[base["seed"]] * 3, twin["perturbation"]["seed"], *[base["seed"]] * 5]


def test_a_prompt_twin_starts_from_another_prompt_and_has_the_same_seeds(record: Record) -> None:
    performed(record, CONFIG)
    found = trajectories(record)
    twins = [run for run in found.values() if (run["perturbation"] or {}).get("kind") == "prompt"]
    assert len(twins) == 4 * 4
    for twin in twins:
        base = found[twin["twin_of"]]
        changes = sum(old != new for old, new in zip(base["prompt"], twin["prompt"], strict=True))
        assert changes == twin["perturbation"]["changes"]
        assert {step["seed"] for step in twin["invocations"]} == {base["seed"]}


def test_how_many_runs_are_twins_is_told(record: Record) -> None:
    performed(record, CONFIG)
    with record.reading() as connection:
        shown = experiment_status(connection, "latest")
    assert (shown["runs"], shown["twins"]) == (4 * (1 + TWINS), 4 * TWINS)
    assert shown["config"]["twins"] == CONFIG["twins"]


def test_a_loop_before_the_other_seed_does_not_stop_a_noise_twin(record: Record, fakes: dict[str, ModelSpec]) -> None:
    fakes["Wheel"] = replace(fakes["Echo"], name="Wheel", loader="support.wheel:load")
    performed(record, WHEEL)
    base, twin = trajectories(record).values()
    assert (keys_of(base), base["stop_reason"], base["period"]) == (list("1201"), "loop", 3)
    assert (keys_of(twin), twin["stop_reason"], twin["period"]) == ([*"1201201", "11", "12", "10", "11"], "loop", 3)


@pytest.mark.parametrize("reports", range(1, 16, 2))
def test_a_looping_noise_twin_that_is_interrupted_resumes_to_the_same_record(
    tmp_path: Path, fakes: dict[str, ModelSpec], reports: int
) -> None:
    fakes["Wheel"] = replace(fakes["Echo"], name="Wheel", loader="support.wheel:load")
    with open_record(tmp_path / "whole.sqlite") as record:
        whole = canonical(record, performed(record, WHEEL).id)
    with open_record(tmp_path / "record.sqlite") as record, bench_on(record, batch_size=1) as bench:
        key = create(bench, validate_config(WHEEL, folder=Path()))
        object.__setattr__(bench, "report", stop_after(bench, reports))
        assert perform(bench, [key])[0].status == "interrupted"
        bench.stop.clear()
        object.__setattr__(bench, "report", lambda _: None)
        perform(bench, [key])
        assert canonical(record, key) == whole


def stop_after(bench: Any, reports: int) -> Callable[[Any], None]:
    count = iter(range(reports))
    return lambda _: None if next(count, None) is not None else bench.stop.set()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Canonical:
    with open_record(tmp_path_factory.mktemp("reference") / "record.sqlite") as record:
        return canonical(record, performed(record, CONFIG).id)


def test_the_reference_has_all_twins(reference: Canonical) -> None:
    assert len(reference["runs"]) == 4 * (1 + TWINS)
    assert len(reference["twins"]) == 4 * TWINS
    assert {row[-1]["kind"] for row in reference["twins"]} == {"noise", "prompt"}


@pytest.mark.parametrize("batch_size", [1, 5])
def test_batch_size_does_not_change_a_record_with_twins(reference: Canonical, record: Record, batch_size: int) -> None:
    assert canonical(record, performed(record, CONFIG, batch_size=batch_size).id) == reference


@pytest.mark.parametrize("reports", [2, 9, 25])
def test_an_interrupted_experiment_with_twins_resumes_to_the_same_record(
    reference: Canonical, sqlite_record: Record, reports: int
) -> None:
    with bench_on(sqlite_record, batch_size=7) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        object.__setattr__(bench, "report", stop_after(bench, reports))
        assert perform(bench, [key])[0].status == "interrupted"
        bench.stop.clear()
        object.__setattr__(bench, "report", lambda _: None)
        perform(bench, [key])
        assert canonical(sqlite_record, key) == reference


def test_perform_and_extend_give_the_twins_of_one_long_perform(reference: Canonical, record: Record) -> None:
    with bench_on(record) as bench:
        short = CONFIG | {"max_length": 4, "prompts": CONFIG["prompts"][:1], "seeds": [42]}
        key = create(bench, validate_config(short, folder=Path()))
        for more in ({"max_length": 9}, {"prompts": ["a red apple"]}, {"seeds": [7]}):
            perform(bench, [key])
            extend(bench, key, **more)
        perform(bench, [key])
        assert canonical(record, key) == reference
        with pytest.raises(ConfigurationError, match="need fixed seeds"):
            extend(bench, key, seeds=[-1])


@pytest.mark.parametrize("of", ["runs", "twins"])
def test_a_lost_run_or_twin_is_made_again(reference: Canonical, record: Record, of: str) -> None:
    with bench_on(record) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        perform(bench, [key])
        lost = sa.func.min(runs.c.id) if of == "runs" else sa.func.max(runs.c.id)
        with record.writing() as connection:
            chosen = connection.execute(sa.select(lost)).scalar_one()
            connection.execute(sa.delete(runs).where(runs.c.id == chosen))
        perform(bench, [key])
        assert canonical(record, key) == reference


def test_a_hole_before_the_other_seed_is_filled(reference: Canonical, record: Record) -> None:
    with bench_on(record) as bench:
        key = create(bench, validate_config(CONFIG, folder=Path()))
        perform(bench, [key])
        with record.writing() as connection:
            connection.execute(sa.delete(invocations).where(invocations.c.sequence_number == 2))
        perform(bench, [key])
        assert canonical(record, key) == reference
