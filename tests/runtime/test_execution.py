"""One batch on a loaded model. The fake model misbehaves when an input asks it to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.content import Content, Image, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed, ModelLoadError
from panic_tda.runtime.execution import BatchLimits, execute, part
from panic_tda.runtime.result import Call
from support.contents import image, numbered, texts
from support.models import FakeModel, fake_spec, vector_of

WRITER = fake_spec()
EMBEDDER = fake_spec("Embedder", "text -> vector")


def call(*inputs: str, spec: Any = WRITER, **parameters: float) -> Call:
    return Call(spec, texts(*inputs), tuple(range(100, 100 + len(inputs))), parameters)


def run(asked: Call, model: FakeModel | None = None, limits: BatchLimits | None = None) -> tuple[Any, ...]:
    return execute(asked, model or FakeModel(asked.spec), limits or BatchLimits())


def sizes(model: FakeModel) -> list[int]:
    return [len(asked.inputs) for asked in model.asked]


def test_a_whole_batch_goes_to_the_model_in_one_call() -> None:
    model = FakeModel(WRITER)
    outputs = run(call("a", "b", "c"), model)
    assert sizes(model) == [3]
    assert model.asked[0].seeds == (100, 101, 102)
    assert len({output.value for output in outputs}) == 3


def test_an_empty_call_has_no_outcome_and_does_not_reach_the_model() -> None:
    model = FakeModel(WRITER, capacity=-1)
    assert run(call(), model) == ()
    assert model.asked == []


def test_parameters_that_were_not_given_take_their_defaults() -> None:
    model = FakeModel(WRITER)
    run(call("a"), model)
    run(call("a", temperature=2), model)
    assert [asked.parameters for asked in model.asked] == [{"temperature": 0.5}, {"temperature": 2.0}]


def test_one_bad_input_harms_none_of_its_neighbours() -> None:
    inputs = ["a", "b", "raise", "d", "e", "f", "g"]
    alone = {name: run(Call(WRITER, texts(name), (100 + at,)))[0] for at, name in enumerate(inputs)}
    outputs = run(call(*inputs))
    good = [at for at, name in enumerate(inputs) if name != "raise"]
    assert [outputs[at] for at in good] == [alone[inputs[at]] for at in good]
    assert isinstance(outputs[2], ModelCallFailed)


def test_a_batch_that_raises_is_halved_until_the_bad_input_is_alone() -> None:
    model = FakeModel(WRITER)
    run(call("a", "b", "c", "d", "e", "f", "g", "raise"), model)
    assert sizes(model) == [8, 4, 4, 2, 2, 1, 1, 1]


def test_a_single_item_is_tried_once_more_with_the_same_seed_and_no_more() -> None:
    model = FakeModel(WRITER)
    (outcome,) = run(call("raise"), model)
    assert [asked.seeds for asked in model.asked] == [(100,), (100,)]
    assert outcome.message == "Fake raised RuntimeError: the fake model was asked to raise"


def test_a_fault_that_passes_leaves_no_trace() -> None:
    assert run(call("a"), FakeModel(WRITER, flaky=1)) == run(call("a"))


def test_more_retries_are_possible_and_counted() -> None:
    model = FakeModel(WRITER)
    execute(call("raise"), model, BatchLimits(), retries=3)
    assert sizes(model) == [1] * 4


def test_a_typed_error_of_the_model_is_kept_as_it_is() -> None:
    class Refusing(FakeModel):
        def generate(self, *_: object) -> list[Any]:
            raise ModelLoadError("a layer is missing")

    (outcome,) = run(call("a"), Refusing(WRITER))
    assert (type(outcome), outcome.message) == (ModelLoadError, "a layer is missing")


def test_an_error_without_words_still_makes_a_message() -> None:
    class Silent(FakeModel):
        def generate(self, *_: object) -> list[Any]:
            raise ValueError

    assert run(call("a"), Silent(WRITER))[0].message == "Fake raised ValueError: no message"


def test_a_batch_of_mixed_faults_has_an_outcome_for_each_item() -> None:
    outputs = run(call("a", "error please", "number", "raise", "e"))
    assert [type(output) for output in outputs] == [Text, ModelCallFailed, InvalidOutput, ModelCallFailed, Text]
    assert "made a int where Text was expected" in outputs[2].message


def test_an_image_where_a_text_was_promised_is_invalid() -> None:
    class Painting(FakeModel):
        def generate(self, inputs: Sequence[Content], *_: object) -> list[Any]:
            return [image() for _ in inputs]

    assert isinstance(run(call("a"), Painting(WRITER))[0], InvalidOutput)
    painter = fake_spec("Painter", "text -> image")
    assert isinstance(run(call("a", spec=painter), Painting(painter))[0], Image)


@pytest.mark.parametrize("surplus", [1, -1])
def test_a_wrong_number_of_outputs_is_invalid_for_every_item(surplus: int) -> None:
    outputs = run(call("a", "b", "c"), FakeModel(WRITER, surplus=surplus))
    assert [type(output) for output in outputs] == [InvalidOutput] * 3
    assert outputs[0].message == f"Fake made {1 + surplus} outputs for 1 inputs"


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ("nan", "not finite"),
        ("infinite", "not finite"),
        ("zero", "zero"),
        ("short", "made (7,) where a vector of 8 numbers"),
        ("number", "made int where a vector of 8 numbers"),
        ("complex", "a vector of complex"),
    ],
)
def test_a_bad_vector_is_invalid_for_its_item_only(wish: str, reason: str) -> None:
    before, bad, after = run(call("a", wish, "c", spec=EMBEDDER))
    assert isinstance(bad, InvalidOutput)
    assert reason in bad.message
    for text, vector in (("a", before), ("c", after)):
        np.testing.assert_array_equal(vector, vector_of(Text(text)))


def test_vectors_are_float32_whatever_the_model_computes_in() -> None:
    class Precise(FakeModel):
        def embed(self, inputs: Sequence[Content]) -> list[Any]:
            return [np.arange(16, dtype=np.float64)[::2] for _ in inputs]

    (vector,) = run(call("a", spec=EMBEDDER), Precise(EMBEDDER))
    assert vector.dtype == np.float32
    assert vector.flags.c_contiguous


def test_a_large_finite_vector_is_not_called_infinite() -> None:
    class Large(FakeModel):
        def embed(self, inputs: Sequence[Content]) -> list[Any]:
            return [np.full(8, 3e38, dtype=np.float32) for _ in inputs]

    assert isinstance(run(call("a", spec=EMBEDDER), Large(EMBEDDER))[0], np.ndarray)


@given(count=st.integers(1, 20), capacity=st.integers(1, 20))
def test_running_out_of_memory_changes_no_output(count: int, capacity: int) -> None:
    asked = Call(WRITER, numbered(count), tuple(range(count)))
    assert run(asked, FakeModel(WRITER, capacity=capacity)) == run(asked)


def test_a_batch_that_did_not_fit_is_halved_and_the_limit_is_remembered() -> None:
    model, limits = FakeModel(WRITER, capacity=3), BatchLimits()
    asked = Call(WRITER, numbered(8), tuple(range(8)))
    run(asked, model, limits)
    assert sizes(model) == [8, 4, 2, 2, 2, 2]
    assert limits.limit(WRITER) == 2
    model.asked.clear()
    run(asked, model, limits)
    assert sizes(model) == [2, 2, 2, 2]


def test_limits_are_kept_for_each_model_and_only_fall() -> None:
    limits = BatchLimits()
    assert limits.limit(WRITER) is None
    limits.lower(WRITER, 4)
    limits.lower(WRITER, 8)
    assert limits.limit(WRITER) == 4
    assert limits.limit(EMBEDDER) is None


def test_a_single_item_that_does_not_fit_fails_with_a_reason() -> None:
    model = FakeModel(WRITER, capacity=0)
    outcomes = run(call("a", "b"), model)
    assert [outcome.message for outcome in outcomes] == [
        "Fake ran out of memory on a single item: 1 items do not fit"
    ] * 2
    assert sizes(model) == [2, 1, 1]


def test_a_part_of_a_call_keeps_inputs_and_seeds_together() -> None:
    piece = part(call("a", "b", "c", "d", temperature=1.0), 1, 3)
    assert (piece.inputs, piece.seeds, piece.parameters) == (texts("b", "c"), (101, 102), {"temperature": 1.0})
