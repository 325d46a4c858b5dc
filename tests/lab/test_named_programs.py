"""Programs in experiments: named in networks, pinned with the configuration, and never altered from outside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from panic_tda.errors import ConfigurationError, ModelVersionChanged
from panic_tda.lab.doctor import examine
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.forecast import forecast
from panic_tda.lab.laboratory import load_config, programs_of
from panic_tda.lab.perform import create, extend, perform
from panic_tda.lab.programs import Programs
from panic_tda.lab.validation import validate_config
from panic_tda.lab.verify import verify
from panic_tda.models import catalogue
from panic_tda.models.model import ModelSpec
from panic_tda.store.copying import copy_experiments
from panic_tda.store.database import Record, open_record
from panic_tda.store.frames import invocations_frame
from panic_tda.store.programs import all_programs
from support.laboratory import bench_on, fakes
from support.talkers import MUMBLER, TALKER

__all__ = ["fakes"]

SAY: dict[str, Any] = {
    "signature": "text, style -> said",
    "strategy": "template",
    "model": "Mumbler",
    "parameters": {"template": "{style} {text}"},
}
TWICE: dict[str, Any] = {"signature": "text, style -> said", "strategy": "pipeline", "model": "Say, Mumbler"}
CONFIG: dict[str, Any] = {
    "networks": [[{"model": "Say", "style": "dry"}, {"model": "Twice", "style": "wet"}]],
    "prompts": ["a boat"],
    "seeds": [3],
    "embedding_models": ["DummyText"],
    "max_length": 2,
}
INLINE = CONFIG | {"programs": {"Say": SAY, "Twice": TWICE}}


@pytest.fixture(autouse=True)
def talkers(fakes: dict[str, ModelSpec]) -> dict[str, ModelSpec]:
    fakes |= {spec.name: spec for spec in (TALKER, MUMBLER)}
    return fakes


def texts(record: Record, key: str) -> list[str]:
    return list(invocations_frame(record, [key]).sort("sequence_number")["text"])


def issues(config: Mapping[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        validate_config(config, folder=Path())
    return caught.value.issues


def validated(record: Record, config: Mapping[str, Any] = CONFIG) -> Experiment:
    return validate_config(config, folder=Path(), stored_programs=partial(programs_of, record))


MADE = ["dry a boat (3)", "wet dry a boat (3) (3) (3)"]


def test_stored_programs_stand_in_networks_and_give_what_they_give_alone(record: Record) -> None:
    with Programs(record) as programs, bench_on(record) as bench:
        programs.create("Say", SAY)
        programs.create("Twice", TWICE)
        key = create(bench, load_config(CONFIG, record=record))
        assert perform(bench, [key])[0].status == "completed"
        first = programs.run("Say", text="a boat", style="dry", seed=3).outputs["said"]
        assert texts(record, key) == [
            first,
            programs.run("Twice", text=str(first), style="wet", seed=3).outputs["said"],
        ]
        assert verify(bench, key).matched == 2
        assert examine(bench) == []


def test_a_file_may_bring_its_programs_along_and_means_the_same(record: Record) -> None:
    with Programs(record) as programs:
        programs.create("Say", SAY)
        programs.create("Twice", TWICE)
    stored, inline = validated(record), validate_config(INLINE, folder=Path())
    assert stored == inline
    assert stored.to_json()["programs"] == {"Say": SAY, "Twice": {**TWICE, "parameters": {}}}
    assert validate_config(stored.to_json(), folder=Path()) == stored


def test_neither_changing_nor_deleting_a_program_alters_an_experiment_that_was_begun(record: Record) -> None:
    with Programs(record) as programs, bench_on(record) as bench:
        programs.create("Say", SAY)
        programs.create("Twice", TWICE)
        before, after = create(bench, validated(record)), create(bench, validated(record))
        programs.create("Say", SAY | {"parameters": {"template": "{text}, {style}"}}, replace=True)
        changed = create(bench, validated(record))
        perform(bench, [before, changed])
        programs.delete("Twice")
        programs.delete("Say")
        perform(bench, [after])
        assert texts(record, before) == texts(record, after)
        assert texts(record, changed)[0] == "a boat, dry (3)" != texts(record, before)[0]
        extend(bench, before, max_length=4)
        assert perform(bench, [before])[0].invocations == 4
        assert texts(record, before)[:2] == texts(record, after)
        assert examine(bench) == []


def test_another_version_of_the_model_underneath_is_noticed(record: Record, talkers: dict[str, ModelSpec]) -> None:
    from dataclasses import replace

    with bench_on(record) as bench:
        key = create(bench, validate_config(INLINE, folder=Path()))
        talkers["Mumbler"] = replace(MUMBLER, revision=2)
        with pytest.raises(ModelVersionChanged, match=r"was started with Say@\w{8}@"):
            perform(bench, [key])


def test_verify_and_doctor_know_programs_in_a_process_that_did_not_begin_them(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench_on(record) as bench:
        key = create(bench, validate_config(INLINE, folder=Path()))
        perform(bench, [key])
        for look in (verify, lambda bench, _: examine(bench)):
            monkeypatch.setattr(catalogue, "_made_from_data", {})
            look(bench, key)
            assert len(catalogue._made_from_data) == 2
        assert verify(bench, key).unverifiable == {}


def test_the_forecast_counts_programs_like_models_and_tells_what_their_parts_lack(
    record: Record, talkers: dict[str, ModelSpec]
) -> None:
    from dataclasses import replace

    with bench_on(record) as bench:
        experiment = validate_config(INLINE, folder=Path())
        told = forecast(bench, experiment)
        assert [each["name"].partition("@")[0] for each in told.models] == ["Say", "Twice", "DummyText"]
        assert told.feasible
        talkers["Mumbler"] = replace(MUMBLER, requires=("no_such_package",))
        told = forecast(bench, validate_config(INLINE, folder=Path()))
        assert "no_such_package is not installed" in told.models[0]["problems"][0]


def test_a_copy_brings_the_programs_and_leaves_those_that_are_there(record: Record, tmp_path: Path) -> None:
    with Programs(record) as programs, bench_on(record) as bench:
        programs.create("Say", SAY)
        programs.create("Twice", TWICE)
        programs.create("Idle", SAY)
        key = create(bench, validated(record))
    with open_record(tmp_path / "other.sqlite") as other, Programs(other) as others:
        others.create("Say", SAY | {"parameters": {"template": "{text} {style}"}})
        mine = others.get("Say")
        copy_experiments(record, other, [key])
        copy_experiments(record, other, [key])
        assert others.get("Say") == mine
        with record.reading() as source, other.reading() as target:
            assert [each.name for each in all_programs(target)] == ["Say", "Twice"]
            assert all_programs(target)[1] == all_programs(source)[2]
        with bench_on(other) as bench:
            perform(bench, [key])
        assert texts(other, key) == MADE


@pytest.mark.parametrize(
    ("changes", "issue"),
    [
        ({"networks": [["Sai"]]}, "networks[0][0]: unknown model 'Sai'; did you mean Say or Sana?"),
        ({"networks": [["Say"]]}, "networks[0][0]: Say@"),
        ({"networks": [[{"model": "Say", "style": 3}]]}, "style must be of type str, not 3"),
        ({"networks": [[{"model": "Say", "style": "a", "mood": 1}]]}, "has no parameter 'mood' (it has: style)"),
        ({"networks": [["Glyph", {"model": "Say", "style": "a"}]]}, "networks[0]: the models do not chain"),
        ({"programs": {"Say": SAY, "Glyph": SAY}}, "programs.Glyph: the name Glyph is taken by a model"),
        ({"programs": {"Say": SAY, "Twice": TWICE, "Idle": SAY}}, "programs.Idle: is used by no network"),
        ({"programs": {"Say": SAY | {"strategi": 1}}}, "programs.Say.strategi: unknown key; did you mean strategy?"),
        ({"programs": {"Say": SAY | {"signature": "text"}}}, "programs.Say: 'text' is not a signature"),
        ({"programs": {"Say": SAY | {"strategy": "templat"}}}, "unknown strategy 'templat'; did you mean template?"),
        (
            {"programs": {"Say": SAY | {"model": "SmolLM3"}}},
            "program Say: unknown model 'SmolLM3'; did you mean SmolLM2",
        ),
        ({"programs": {"Say": SAY | {"model": "Say"}}}, "programs may not contain themselves: Say → Say"),
        ({"programs": {"Say": {"model": "Mumbler"}}}, "programs.Say.signature: is required"),
        ({"programs": []}, "programs: should be a mapping, not []"),
        ({"networks": [["Say@1234abcd"]]}, "networks[0][0]: unknown model 'Say@1234abcd'; did you mean Say?"),
        ({"embedding_models": ["Say"]}, "embedding_models[0]: unknown model 'Say'"),
    ],
)
def test_what_is_wrong_with_programs_is_told_with_its_place(changes: dict[str, Any], issue: str) -> None:
    found = issues(INLINE | changes)
    assert any(issue in each for each in found), found
    assert len(set(found)) == len(found)
