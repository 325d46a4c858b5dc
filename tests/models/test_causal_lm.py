from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed, ModelLoadError
from panic_tda.lab.measuring.permutation import prove
from panic_tda.models import causal_lm
from panic_tda.models.adding import add
from panic_tda.models.hashing import sha256_of_file
from panic_tda.models.model import Generator, Placement, Tier
from panic_tda.models.text_parameters import INSTRUCTIONS
from panic_tda.models.weights import Weights, require

[SPEC] = causal_lm.MODELS
SHORT: dict[str, Any] = {"max_tokens": 12}
BOAT = "A red boat drifts on a quiet lake at dawn."


@pytest.fixture(scope="module")
def model() -> Iterator[Generator]:
    loaded = cast("Generator", SPEC.load(Placement()))
    yield loaded
    loaded.close()


def answers(model: Generator, texts: list[str], seeds: list[int], **given: Any) -> list[str]:
    outcomes = model.generate([Text(text) for text in texts], seeds, SPEC.with_defaults({**SHORT, **given}))
    assert all(isinstance(outcome, Text) for outcome in outcomes)
    return [cast("Text", outcome).value for outcome in outcomes]


def test_a_greedy_answer_knows_the_capital_of_france(model: Generator) -> None:
    [answer] = answers(model, ["What is the capital of France?"], [1], instruction="Answer:", temperature=0)
    assert "Paris" in answer


def test_neither_order_nor_neighbours_nor_a_fresh_load_change_an_answer(model: Generator) -> None:
    texts, seeds = [BOAT, "The storm arrived.", BOAT], [1, 2, 3]
    alone = [answers(model, [text], [seed])[0] for text, seed in zip(texts, seeds, strict=True)]
    assert answers(model, texts[::-1], seeds[::-1])[::-1] == alone
    fresh = cast("Generator", SPEC.load(Placement()))
    assert answers(fresh, texts, seeds) == alone
    fresh.close()


def test_the_number_of_threads_changes_no_answer(model: Generator) -> None:
    two = cast("Generator", SPEC.load(Placement(threads=2)))
    assert answers(two, [BOAT], [1], max_tokens=6) == answers(model, [BOAT], [1], max_tokens=6)
    two.close()


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_batches_of_one_and_of_eight_give_the_same_answers(model: Generator, temperature: float) -> None:
    def ask(texts: Sequence[Content], seeds: Sequence[int]) -> list[str]:
        return answers(model, [cast("Text", text).value for text in texts], list(seeds), temperature=temperature)

    items = [Text(BOAT), Text("The storm arrived."), Text("x")]
    assert prove(ask, items, batch=8, draws=temperature > 0) == (Tier.EXACT, "", temperature > 0)


def test_seeds_matter_unless_greedy(model: Generator) -> None:
    assert len(set(answers(model, [BOAT] * 4, [1, 2, 3, 4]))) > 1
    assert len(set(answers(model, [BOAT] * 2, [1, 2], temperature=0))) == 1


def test_the_highest_seed_is_not_taken_as_draw_one(model: Generator) -> None:
    once, again = answers(model, [BOAT] * 2, [2**32 - 1] * 2, temperature=1.5)
    assert once == again


def test_a_text_longer_than_the_context_is_an_error_for_its_item_only(model: Generator) -> None:
    texts = [Text(BOAT), Text("word " * 3000), Text(BOAT)]
    first, long, last = model.generate(texts, [1, 1, 1], SPEC.with_defaults(SHORT))
    assert isinstance(long, ModelCallFailed)
    assert "2048" in long.message
    assert first == last == Text(cast("Text", first).value)


def test_an_empty_text_is_answered(model: Generator) -> None:
    assert len(answers(model, [""], [1])) == 1


def test_answers_end_at_the_first_line_unless_asked_otherwise(model: Generator) -> None:
    keeper = ["The old lighthouse keeper counted forty-two ships before the storm arrived."]
    [one] = answers(model, keeper, [1], temperature=0, max_tokens=30)
    [all_lines] = answers(model, keeper, [1], temperature=0, max_tokens=30, one_line=False)
    assert "\n" in all_lines
    assert one == all_lines.splitlines()[0]


@pytest.mark.parametrize("instruction", [*INSTRUCTIONS, "Translate into the speech of pirates:"])
def test_named_instructions_are_spelt_out_and_others_used_as_they_are(instruction: str) -> None:
    asked = causal_lm.request(BOAT, 5, SPEC.with_defaults({"instruction": instruction}))
    question = asked["messages"][-1]["content"]
    assert question == f"{INSTRUCTIONS.get(instruction, instruction)}\n{BOAT}"
    assert asked["cache_prompt"] is False


def test_the_port_that_llama_cpp_opens_is_locked(model: Generator) -> None:
    address = cast("Any", model)._server.listening_address
    asked = urllib.request.Request(f"{address}/v1/chat/completions", b"{}", {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    assert refused.value.code == 401
    refused.value.close()


def test_loading_and_answering_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    loaded = cast("Generator", SPEC.load(Placement()))
    answers(loaded, [BOAT], [1], max_tokens=2)
    loaded.close()
    assert capfd.readouterr() == ("", "")


def test_a_gguf_file_added_by_hand_answers_like_the_packaged_one(
    model: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path))
    spec = add("Mine", require(SPEC.weights[0], model=SPEC.name), "causal_lm")
    assert spec.version.startswith("1+b179c9523d0e.gguf.cpu.xllamacpp-")
    mine = cast("Generator", spec.load(Placement()))
    assert answers(mine, [BOAT], [1], max_tokens=6) == answers(model, [BOAT], [1], max_tokens=6)
    mine.close()


def test_an_answer_no_text_can_hold_is_an_error_for_its_item() -> None:
    class NulServer:
        def handle_chat_completions(self, asked: object) -> dict[str, Any]:
            return {"choices": [{"message": {"content": "a\x00b"}}]}

    [outcome] = causal_lm.CausalLanguageModel("SmolLM2", NulServer()).generate([Text("")], [1], SPEC.with_defaults({}))
    assert isinstance(outcome, InvalidOutput)


def test_a_file_that_is_no_model_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path))
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"no model")
    digest = sha256_of_file(garbage)
    home = tmp_path / "weights" / digest
    home.mkdir(parents=True)
    garbage.rename(home / "model.gguf")
    spec = replace(SPEC, weights=(Weights("no-such-package", "1", "model.gguf", digest, 8),))
    with pytest.raises(ModelLoadError, match="does not load"):
        spec.load(Placement())
