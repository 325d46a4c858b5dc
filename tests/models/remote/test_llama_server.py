"""A real server of another project: llama.cpp's own, which speaks the OpenAI shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from panic_tda.content import Text
from panic_tda.errors import PrerequisiteError
from panic_tda.models import causal_lm
from panic_tda.models.weights import require
from support.remote import generator, remote_spec, still

__all__ = ["still"]

KEY = "a key of the tests"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    import xllamacpp

    [spec] = causal_lm.MODELS
    settings = causal_lm._settings(require(spec.weights[0], model=spec.name), 1)
    settings.api_keys = [KEY]
    running = xllamacpp.Server(settings)
    yield f"{running.listening_address}/v1"
    del running


def said(address: str, seeds: list[int], **parameters: Any) -> list[Any]:
    spec = remote_spec(address, model="SmolLM2", key_env="LLAMA_KEY", tier="seeded", concurrency=2)
    given = {"max_tokens": 4, **parameters}
    texts = [Text("A red boat.")] * len(seeds)
    with generator(spec) as model:
        return list(model.generate(texts, seeds, spec.with_defaults(given)))


def test_it_answers_honours_seeds_and_wants_its_key(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_KEY", KEY)
    outcomes = said(address, [1, 2, 3, 1], temperature=1.5)
    assert all(isinstance(outcome, Text) for outcome in outcomes)
    assert outcomes[0] == outcomes[3]
    assert len(set(outcomes)) > 1
    monkeypatch.setenv("LLAMA_KEY", "another")
    [refused] = said(address, [1])
    assert isinstance(refused, PrerequisiteError)
    assert f"{address} refuses the key in LLAMA_KEY (401: " in refused.message
