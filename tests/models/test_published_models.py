"""Every row of the catalogue that has weights of its own, driven by its tiny twin the way a user drives it."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import panic_tda
from panic_tda.content import Content, Image, Text
from panic_tda.errors import ModelError, ModelLoadError, ModelVersionChanged
from panic_tda.lab.laboratory import open_bench
from panic_tda.lab.measuring.investigation import identified
from panic_tda.lab.measuring.permutation import Proof, draws_from_seeds, prove
from panic_tda.lab.verify import verify
from panic_tda.lab.workbench import Workbench
from panic_tda.models.adding import add
from panic_tda.models.catalogue import find, published
from panic_tda.models.fetching import consent
from panic_tda.models.model import ModelSpec, Placement, Tier
from panic_tda.models.purpose import Measured, Purpose, TextEmbedder
from panic_tda.runtime.result import Call
from panic_tda.signature import Kind
from panic_tda.store.database import Record
from support.checkpoints import Twins, require_libraries, twins

require_libraries()
import torch  # noqa: E402
from transformers.utils import logging  # noqa: E402

__all__ = ["twins"]

ROWS = [spec for spec in published().values() if spec.repository is not None]
SMALL = {"width": 32, "height": 32, "steps": 2, "max_tokens": 8}
TEXTS = ("a red apple", "the ship left the harbour", "x")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No network, no settings from outside, one thread; and nothing of the process is changed at the end."""

    def refuse(*_: object) -> None:
        raise AssertionError("a model wanted to talk to somebody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    before = process_state()
    yield
    assert process_state() == before


def process_state() -> dict[str, object]:
    """What a model may not leave behind."""
    return {
        "dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "bars": logging.is_progress_bar_enabled(),
        "verbosity": logging.get_verbosity(),
        "grad": torch.is_grad_enabled(),
        "noise": torch.random.get_rng_state().sum().item(),
    }


def placed(spec: ModelSpec, twins: Twins, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """The row as the catalogue has it once the settings name the folder of its twin."""
    monkeypatch.setenv("PANIC_TDA_WEIGHTS", f"{spec.name}={twins.folder(spec)}")
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cpu")
    if find(spec.name).repository.remote_code:  # type: ignore[union-attr]
        consent(find(spec.name))
    return find(spec.name)


def small(spec: ModelSpec) -> dict[str, Any]:
    return {parameter.name: SMALL[parameter.name] for parameter in spec.parameters if parameter.name in SMALL}


def experiment(spec: ModelSpec) -> dict[str, Any]:
    """Two runs that call the model once or twice each."""
    node = {"model": spec.name, **small(spec)}
    networks = {
        (Kind.TEXT, Kind.IMAGE): [node, "DummyI2T"],
        (Kind.IMAGE, Kind.TEXT): ["DummyT2I", node],
        (Kind.TEXT, Kind.TEXT): [node],
    }
    network = networks.get((spec.signature.input, spec.signature.output), ["DummyT2I", "DummyI2T"])
    embedder = spec.name if spec.dims else "DummyText"
    return {
        "network": network,
        "prompts": list(TEXTS[:2]),
        "seeds": [7],
        "embedding_models": [embedder],
        "max_length": 2,
    }


def inputs(spec: ModelSpec) -> tuple[Content, ...]:
    """Three that differ as much as can be."""
    if spec.signature.input is Kind.TEXT:
        return tuple(Text(text) for text in TEXTS)
    ramp = np.linspace(0, 255, 48 * 48 * 3).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, 48 * 48 * 3, dtype=np.uint8)
    return tuple(Image("RGB", 48, 48, pixels.tobytes()) for pixels in (ramp, ramp[::-1].copy(), noise))


def proof(bench: Workbench, spec: ModelSpec, batch: int = 4, **parameters: float) -> Proof:
    """The permutation proof, on the model that the executor holds already."""
    chosen = small(spec) | parameters

    def ask(given: Sequence[Content], seeds: Sequence[int]) -> list[str]:
        outcomes = bench.executor.submit(Call(spec, tuple(given), tuple(seeds), chosen)).result().outputs
        assert [outcome for outcome in outcomes if isinstance(outcome, ModelError)] == []
        return [identified(outcome) for outcome in outcomes]

    draws = draws_from_seeds(spec) and parameters.get("temperature") != 0
    return prove(ask, inputs(spec), batch=batch, draws=draws)


@pytest.mark.parametrize("spec", ROWS, ids=lambda spec: spec.name)
def test_a_row_performs_an_experiment_verifies_and_proves_its_tier(
    spec: ModelSpec, twins: Twins, sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = placed(spec, twins, monkeypatch)
    outcome = panic_tda.perform(sqlite_record, panic_tda.load_config(experiment(here)))
    assert (outcome.status, outcome.invocations, outcome.failures) == ("completed", 4, 0)
    assert outcome.embeddings > 0
    with open_bench(sqlite_record) as bench:
        checked = verify(bench, outcome.id, sample=None)
        assert (checked.checked, checked.matched) == (4, 4)
        assert proof(bench, here)[:2] == (here.tier, "")
        if spec.signature.output is Kind.TEXT and spec.signature.input is Kind.TEXT:
            assert proof(bench, here, 8, temperature=0.0) == (Tier.EXACT, "", False)
            assert proof(bench, here, 8, temperature=1.0) == (Tier.EXACT, "", True)


@pytest.mark.parametrize("rows", [2, 3])
@pytest.mark.parametrize("name", ["SDXLTurbo", "FluxDev", "SD35Medium"])
def test_batches_of_a_fixed_number_of_rows_do_not_mind_their_neighbours_either(
    name: str, rows: int, twins: Twins, sqlite_record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = placed(published()[name], twins, monkeypatch)
    with open_bench(sqlite_record) as bench:
        assert proof(bench, replace(spec, options=(*spec.options, ("rows", rows)))) == (Tier.EXACT, "", True)


@pytest.mark.parametrize(
    ("row", "family"),
    [
        ("PixArtSigma", "diffusion"),
        ("BLIP2", "captioner"),
        ("CodeLlama7B", "causal_lm"),
        ("STSBMpnet", "torch_sentence"),
        ("CLIP", "multimodal"),
    ],
)
def test_a_folder_added_by_hand_performs_and_verifies(
    row: str, family: str, twins: Twins, sqlite_record: Record
) -> None:
    spec = add("Mine", twins.folder(published()[row]), family)
    outcome = panic_tda.perform(sqlite_record, panic_tda.load_config(experiment(spec)))
    assert (outcome.status, outcome.invocations, outcome.failures) == ("completed", 4, 0)
    with open_bench(sqlite_record) as bench:
        assert verify(bench, outcome.id, sample=None).matched == 4


def test_weights_that_changed_under_an_experiment_stop_it(
    twins: Twins, sqlite_record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = published()["CodeLlama7B"]
    folder = shutil.copytree(twins.folder(spec), tmp_path / "mine")
    monkeypatch.setenv("PANIC_TDA_WEIGHTS", f"CodeLlama7B={folder}")
    panic_tda.perform(sqlite_record, panic_tda.load_config(experiment(find("CodeLlama7B"))))
    (folder / "generation_config.json").write_text("{}")
    with pytest.raises(ModelVersionChanged, match="was started with CodeLlama7B@"):
        panic_tda.resume(sqlite_record)


def test_weights_that_lack_a_part_do_not_load(twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = published()["CodeLlama7B"]
    folder = shutil.copytree(twins.folder(spec), tmp_path / "mine")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    monkeypatch.setenv("PANIC_TDA_WEIGHTS", f"CodeLlama7B={folder}")
    with pytest.raises(ModelLoadError, match=r"lacks 9 weights, for instance model\.layers\.2"):
        find("CodeLlama7B").load(Placement())


def measured(spec: ModelSpec, text: str, purpose: Purpose) -> Measured:
    model = spec.load(Placement())
    assert isinstance(model, TextEmbedder)
    [found] = model.embed_texts([text], purpose)
    model.close()
    assert isinstance(found, Measured)
    return found


def test_a_model_with_a_prompt_for_questions_measures_them_otherwise(twins: Twins, tmp_path: Path) -> None:
    folder = shutil.copytree(twins.folder(published()["STSBMpnet"]), tmp_path / "mine")
    settings = folder / "config_sentence_transformers.json"
    known = json.loads(settings.read_text()) if settings.exists() else {}
    settings.write_text(json.dumps({**known, "prompts": {"query": "find: ", "document": ""}}))
    spec = add("Mine", folder, "torch_sentence", {"dims": 768})
    document = measured(spec, "a red apple", Purpose.DOCUMENT)
    query = measured(spec, "a red apple", Purpose.QUERY)
    assert not np.allclose(document.vector, query.vector)
    assert np.allclose(query.vector, measured(spec, "find: a red apple", Purpose.DOCUMENT).vector, atol=1e-6)


@pytest.mark.parametrize("name", ["STSBMpnet", "CLIP"])
def test_a_text_that_is_cut_says_so(name: str, twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = placed(published()[name], twins, monkeypatch)
    assert measured(spec, "a b", Purpose.DOCUMENT).truncated is False
    assert measured(spec, "a b " * 100, Purpose.DOCUMENT).truncated is True
