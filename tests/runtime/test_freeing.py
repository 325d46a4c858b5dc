"""A model that made room is really gone: the memory of this process falls back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from panic_tda.models.fitting import fit
from panic_tda.models.memory_use import HostMemory
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.runtime.result import Call
from support.checkpoints import require_libraries
from support.contents import texts
from support.heavy_models import MEGABYTE, heavy_spec

HELD = 150
SHORT = {"max_tokens": 2}


def grown_by_alternating(specs: list[ModelSpec], budget: int) -> list[float]:
    """Megabytes this process grew by, after each call, when two models take turns that do not fit together."""
    memory, grown = HostMemory(), []
    executor = InProcessExecutor(memory_budget=budget)
    executor.submit(Call(specs[0], texts("warm up"), (1,), SHORT)).result()
    before = memory.now()
    for spec in (specs * 3)[1:]:
        executor.submit(Call(spec, texts("a"), (1,), SHORT)).result()
        grown.append((memory.now() - before) / MEGABYTE)
    assert executor.loads == len(grown) + 1
    executor.close()
    grown.append((memory.now() - before) / MEGABYTE)
    return grown


def test_models_that_take_turns_take_the_memory_of_one_and_none_in_the_end() -> None:
    specs = [heavy_spec(name, megabytes=HELD, hold=HELD) for name in ("Left", "Right")]
    *turns, closed = grown_by_alternating(specs, budget=HELD * MEGABYTE * 3 // 2)
    assert max(map(abs, turns)) < HELD / 5
    assert closed == pytest.approx(-HELD, abs=HELD / 5)


def larger_llama(folder: Path) -> ModelSpec:
    """A language model of torch with 30 million parameters."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from panic_tda.models.adding import add
    from support.twins import llama
    from support.twins.parts import seeded

    llama.build(folder)
    with seeded(), torch.inference_mode():
        config = LlamaConfig.from_pretrained(folder, hidden_size=512, intermediate_size=2048, num_hidden_layers=7)
        LlamaForCausalLM(config).save_pretrained(folder)
    return add("Left", folder, "causal_lm")


def test_a_torch_model_is_freed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_libraries()
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cpu")
    left = larger_llama(tmp_path / "llama")
    weights = fit(left, 2**40).weights_bytes / MEGABYTE
    assert weights > 80
    *turns, closed = grown_by_alternating([left, replace(left, name="Right")], budget=left.memory_bytes * 3 // 2)
    assert max(map(abs, turns)) < weights / 3
    assert closed == pytest.approx(-weights, abs=weights / 3)
