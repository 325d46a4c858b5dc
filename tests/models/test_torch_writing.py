"""A language model of transformers writes piece by piece, stops where it is told, and stays within its constraint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from panic_tda.content import Text
from panic_tda.errors import ModelCallFailed
from panic_tda.models import constraints, torch_lm
from panic_tda.models.language import Ending, LanguageModel, Message, Prompt, Sampling
from panic_tda.models.model import Placement
from support.checkpoints import Twins, require_libraries, twins

require_libraries()
import torch  # noqa: E402

__all__ = ["twins"]

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 6}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
SEEDS = range(20)


@pytest.fixture(scope="module")
def model(twins: Twins) -> Iterator[torch_lm.TorchLanguageModel]:
    row = torch_lm.MODELS[0]
    assert row.repository is not None
    placed = replace(row.repository, folder=str(twins.folder(row)))
    loaded = torch_lm.load(replace(row, repository=placed, device="cpu", dtype="float32"), Placement())
    yield loaded
    loaded.close()


def written(
    model: LanguageModel,
    prompt: Prompt = "abc",
    seed: int = 1,
    emit: Callable[[str], bool] | None = None,
    **wishes: Any,
) -> tuple[list[str], Ending]:
    pieces: list[str] = []

    def keep(piece: str) -> bool:
        pieces.append(piece)
        return True

    sampling = Sampling(**{"max_tokens": 24, "temperature": 1.5, **wishes})
    ending = model.write(prompt, seed, sampling, emit or keep)
    return pieces, ending


def text(model: LanguageModel, **wishes: Any) -> str:
    return "".join(written(model, **wishes)[0])


def test_it_is_a_language_model_and_a_seed_repeats_what_it_writes(model: LanguageModel) -> None:
    assert isinstance(model, LanguageModel)
    once, again, other = (text(model, seed=seed) for seed in (1, 1, 2))
    assert once == again != other


def test_greedy_answers_ignore_the_seed(model: LanguageModel) -> None:
    assert len({text(model, seed=seed, temperature=0) for seed in SEEDS[:3]}) == 1


def test_max_tokens_and_usage_are_exact(model: LanguageModel) -> None:
    whole = text(model, prompt="four", temperature=0)
    for most in (1, 2, 7):
        pieces, ending = written(model, "four", temperature=0, max_tokens=most)
        assert (ending.finish_reason, ending.usage.prompt_tokens, ending.usage.completion_tokens) == ("length", 4, most)
        assert whole.startswith("".join(pieces))


def test_a_stop_text_of_several_tokens_ends_the_answer_before_it(model: LanguageModel) -> None:
    whole = text(model, temperature=0)
    stop = whole[5:8]
    pieces, ending = written(model, temperature=0, stop=("nothing", stop))
    assert "".join(pieces) == whole[: whole.index(stop)]
    assert ending.finish_reason == "stop"
    assert ending.usage.completion_tokens == whole.index(stop) + len(stop)


def test_what_only_began_like_a_stop_text_is_said_after_all(model: LanguageModel) -> None:
    whole = text(model, temperature=0)
    assert text(model, temperature=0, stop=(whole[-2:] + "never",)) == whole


def test_top_k_one_is_greedy_and_top_p_zero_too(model: LanguageModel) -> None:
    greedy = text(model, temperature=0)
    assert text(model, top_k=1) == greedy == text(model, top_p=0.0)
    assert text(model, top_k=0, top_p=1.0) != greedy


def test_every_seed_keeps_to_a_schema_and_without_it_none_does(model: LanguageModel) -> None:
    wishes: dict[str, Any] = {"max_tokens": 60, "constraint": constraints.schema(SCHEMA)}
    answers = [text(model, seed=seed, **wishes) for seed in SEEDS]
    for answer in answers:
        jsonschema.validate(json.loads(answer), SCHEMA)
    assert len(set(answers)) > 15
    free = text(model, seed=0, max_tokens=60)
    assert not constraints.accepts(constraints.schema(SCHEMA), free)


def test_patterns_choices_and_grammars_hold_for_every_seed(model: LanguageModel) -> None:
    dates = r"[0-3]\d\.[01]\d"
    for seed in SEEDS:
        assert re.fullmatch(dates, text(model, seed=seed, constraint=constraints.regex(dates)))
        assert text(model, seed=seed, constraint=constraints.choices(["yes", "no"])) in ("yes", "no")
        assert text(model, seed=seed, constraint=constraints.grammar('root ::= "a" "b"* "c"'))[0] == "a"
    assert {text(model, seed=seed, constraint=constraints.choices(["yes", "no"])) for seed in SEEDS} == {"yes", "no"}


def test_greedy_answers_keep_to_a_constraint_too(model: LanguageModel) -> None:
    assert text(model, temperature=0, constraint=constraints.choices(["yes", "no"])) in ("yes", "no")


def test_it_stops_when_nobody_listens(model: LanguageModel) -> None:
    heard: list[str] = []

    def twice(piece: str) -> bool:
        heard.append(piece)
        return len(heard) < 2

    _, ending = written(model, emit=twice)
    assert len(heard) == 2
    assert ending.finish_reason == "cancelled"
    assert ending.usage.completion_tokens < 24


def test_a_prompt_that_does_not_fit_is_refused(model: LanguageModel) -> None:
    with pytest.raises(ModelCallFailed, match="do not fit a context of 256"):
        written(model, "x" * 250)


def test_messages_of_a_model_without_a_template_are_lines(model: LanguageModel) -> None:
    turns = (Message("system", "be"), Message("user", "brief"))
    assert written(model, turns, temperature=0) == written(model, "be\nbrief", temperature=0)


def test_threads_and_the_generator_of_the_process_do_not_matter(model: LanguageModel) -> None:
    alone = [text(model, seed=seed) for seed in range(4)]
    before = torch.random.get_rng_state()
    assert [text(model, seed=seed) for seed in range(4)] == alone
    assert torch.equal(torch.random.get_rng_state(), before)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda seed: text(model, seed=seed), range(4))) == alone


def test_experiments_are_answered_as_before(model: torch_lm.TorchLanguageModel) -> None:
    row = torch_lm.MODELS[0].with_defaults({"max_tokens": 6, "temperature": 0})
    [answer] = model.generate([Text("abc")], [1], row)
    assert answer == Text(text(model, temperature=0, max_tokens=6).strip())
