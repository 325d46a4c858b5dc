"""Models that make rubbish are stopped before a long run, not after it."""

from __future__ import annotations

from typing import Any

import pytest

from cli.plugins import add_models
from panic_tda.content import Content, Image, Text
from panic_tda.errors import InsanePreview, ModelCallFailed
from panic_tda.lab import sanity
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.laboratory import load_config, open_bench, perform
from panic_tda.lab.sanity import LONG_RUN, gate, judge
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.mock import MockExecutor
from panic_tda.store.database import Record
from panic_tda.store.experiments import list_experiments
from panic_tda.store.settings import read_setting, sanity_key
from support.models import fake_spec

INPUTS = (Text("a"), Text("b"), Text("c"))
NOISE = Image("RGB", 2, 1, bytes(range(6)))
PLAIN = Image("RGB", 2, 1, bytes(6))


def real(name: str, signature: str = "text -> text", loader: str = "support.models:load", **changes: Any) -> ModelSpec:
    """A fake model that is judged like a real one."""
    return fake_spec(name, signature, loader=loader, synthetic=False, **changes)


def experiment(*models: str, length: int = LONG_RUN, prompts: int = 3) -> Experiment:
    return load_config(
        {
            "network": list(models),
            "prompts": [f"prompt {number}" for number in range(prompts)],
            "seeds": [-1],
            "embedding_models": ["DummyText"],
            "max_length": length // prompts + 1,
        }
    )


@pytest.mark.parametrize(
    ("outputs", "complaint"),
    [
        ((Text("!!!"), Text("!!!!"), Text("!!!")), "every output is repetitive"),
        ((Text(""), Text(" "), Text("")), "every output is empty"),
        ((Text(""), Text("no no no"), Text("")), "every output is empty or repetitive"),
        ((Text("\x07"), Text("\u200b"), Text("\x1b")), "every output is non-printable"),
        ((PLAIN, PLAIN, PLAIN), "every output is constant"),
        ((Text("a cat"),) * 3, "3 different inputs all give the same output"),
        ((NOISE,) * 3, "3 different inputs all give the same output"),
        ((Text("a cat"), Text("a cat"), Text("")), ""),
        ((Text("a cat"), Text("!!!"), Text("!!!")), ""),
        ((), ""),
    ],
)
def test_rubbish_is_told_from_sense(outputs: tuple[Content, ...], complaint: str) -> None:
    assert judge("Model", INPUTS, outputs).complaint == complaint


def test_one_input_says_nothing_about_sameness() -> None:
    assert judge("Model", INPUTS[:1], (Text("a cat"),)).complaint == ""
    assert judge("Model", (Text("a"), Text("a")), (Text("a cat"), Text("a cat"))).complaint == ""


@pytest.mark.parametrize(
    ("loader", "complaint", "example"),
    [
        ("load_shouter", "every output is repetitive", "'!!!!!!!!'"),
        ("load_mute", "every output is empty", "''"),
        ("load_parrot", "3 different inputs all give the same output", "'a picture of a cat on a mat'"),
    ],
)
def test_a_model_of_rubbish_is_stopped_by_name_before_a_long_run_and_goes_on_when_accepted(
    sqlite_record: Record, monkeypatch: pytest.MonkeyPatch, loader: str, complaint: str, example: str
) -> None:
    add_models(monkeypatch, real("Captioner", loader=f"cli.plugins:{loader}"))
    with pytest.raises(InsanePreview) as refused:
        perform(sqlite_record, experiment("Captioner"))
    assert refused.value.message == (f"Captioner makes rubbish on trial inputs: {complaint} (for instance {example})")
    assert "--accept" in refused.value.hint
    with sqlite_record.reading() as connection:
        assert list_experiments(connection) == []
    assert perform(sqlite_record, experiment("Captioner"), accept=True).status == "completed"


def test_a_painter_of_one_colour_is_stopped_and_its_innocent_captioner_is_not_blamed(
    sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = real("Painter", "text -> image", "cli.plugins:load_whitewash")
    add_models(monkeypatch, painter, real("Captioner", "image -> text"))
    with pytest.raises(InsanePreview, match="Painter makes rubbish"):
        perform(sqlite_record, experiment("Painter", "Captioner"))
    with sqlite_record.reading() as connection:
        assert read_setting(connection, sanity_key("Captioner", "1"))["complaint"] == ""


def test_a_short_run_is_not_previewed(sqlite_record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(monkeypatch, real("Captioner", loader="cli.plugins:load_shouter"))
    long = experiment("Captioner", length=LONG_RUN - 1, prompts=1)
    short = experiment("Captioner", length=LONG_RUN - 2, prompts=1)
    assert sum(long.calls_of_each_model().values()) == LONG_RUN
    assert asked(sqlite_record, short) == []
    with pytest.raises(InsanePreview):
        asked(sqlite_record, long, "")


def asked(record: Record, experiment: Experiment, *answers: str, accept: bool = False) -> list[str]:
    """The models that the gate calls; ``answers`` are what the first one says to each prompt."""
    executor = MockExecutor()
    if answers:
        executor.enqueue(*answers)
    with open_bench(record, executor=executor) as bench:
        gate(bench, experiment, accept=accept)
    return [call.spec.name for call in executor.history]


def test_a_good_verdict_is_remembered(sqlite_record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(monkeypatch, real("Writer"))
    assert asked(sqlite_record, experiment("Writer")) == ["Writer"]
    assert asked(sqlite_record, experiment("Writer")) == []


def test_a_new_version_of_a_model_is_judged_anew(sqlite_record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(monkeypatch, real("Writer"))
    assert asked(sqlite_record, experiment("Writer")) == ["Writer"]
    add_models(monkeypatch, real("Writer", revision=2))
    assert asked(sqlite_record, experiment("Writer")) == ["Writer"]


def test_a_bad_verdict_is_judged_again_until_it_is_accepted(
    sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_models(monkeypatch, real("Writer"))
    for _ in range(2):
        with pytest.raises(InsanePreview):
            asked(sqlite_record, experiment("Writer"), "", "", "")
    assert asked(sqlite_record, experiment("Writer"), "", "", "", accept=True) == ["Writer"]
    assert asked(sqlite_record, experiment("Writer")) == []


def test_synthetic_models_are_not_judged(sqlite_record: Record) -> None:
    assert asked(sqlite_record, experiment("DummyT2I", "DummyI2T")) == []


def test_a_preview_whose_every_item_fails_says_why(sqlite_record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    add_models(monkeypatch, real("Writer"))
    monkeypatch.setattr(sanity, "_PROMPTS", 1)
    config = experiment("Writer", prompts=1)
    executor = MockExecutor(lambda call: (ModelCallFailed("Writer is out of ink"),))
    with open_bench(sqlite_record, executor=executor) as bench, pytest.raises(ModelCallFailed, match="out of ink"):
        gate(bench, config)


def test_a_single_answer_among_failures_is_no_proof_of_rubbish() -> None:
    assert judge("Model", [Text("a")], [Text("the only answer")]).complaint == ""
