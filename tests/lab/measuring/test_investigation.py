"""What the measuring process finds, seen in this process, and in one of its own that may be killed."""

from __future__ import annotations

import threading

import pytest

from panic_tda.errors import InsufficientMemory, ModelCallFailed, ModelLoadError
from panic_tda.lab.measuring.investigation import Findings, Task, investigate
from panic_tda.lab.measuring.own_process import investigate_aside
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec, Tier
from support.heavy_models import MEGABYTE, heavy_spec
from support.models import fake_spec

GIGABYTE = 2**30


def task(spec: ModelSpec, *sizes: int, budget: int = GIGABYTE) -> Task:
    return Task(spec, sizes or (1, 2, 4, 8), threads=1, budget_bytes=budget)


def found(spec: ModelSpec, *sizes: int, budget: int = GIGABYTE) -> Findings:
    return investigate(task(spec, *sizes, budget=budget), lambda size, sentence: None)


def megabytes(count: int) -> float:
    return count / MEGABYTE


def test_memory_is_that_of_the_model_and_of_its_batches_and_not_of_what_was_there_before() -> None:
    ballast = bytearray(200 * MEGABYTE)
    findings = investigate_aside(task(heavy_spec(hold=150, item=40), 1, 2, 4), lambda sentence: None)
    assert len(ballast) > 0
    assert megabytes(findings.resident_bytes) == pytest.approx(150, abs=25)
    for size, peak in findings.peak_bytes.items():
        assert megabytes(peak) == pytest.approx(150 + 40 * size, abs=30)
    assert findings.out_of_memory_at is None


def test_a_batch_that_runs_out_of_memory_ends_the_series_and_is_remembered() -> None:
    findings = found(heavy_spec(fit=4))
    assert (list(findings.seconds_per_item), findings.out_of_memory_at) == ([1, 2], 4)
    assert findings.proof.tier is Tier.EXACT


def test_a_batch_that_would_not_fit_the_budget_is_not_even_tried() -> None:
    findings = found(heavy_spec(hold=100, item=50, deadly=8), budget=420 * MEGABYTE)
    assert (list(findings.seconds_per_item), findings.out_of_memory_at) == ([1, 2, 4], 8)


@pytest.mark.parametrize("deadly", [2, 4])
def test_a_process_that_is_killed_is_followed_by_one_with_smaller_batches(deadly: int) -> None:
    said: list[str] = []
    findings = investigate_aside(task(heavy_spec(deadly=deadly), 1, 2, 4, 16), said.append)
    assert list(findings.seconds_per_item) == [size for size in (1, 2, 4) if size < deadly]
    assert findings.out_of_memory_at == deadly
    assert f"killed in a batch of {deadly}; once more with smaller ones" in said


def test_a_model_that_is_killed_with_a_single_item_is_an_error() -> None:
    with pytest.raises(ModelCallFailed, match="Heavy: the process that measured it was killed") as caught:
        investigate_aside(task(heavy_spec(deadly=1)), lambda sentence: None)
    assert "smaller model" in caught.value.hint


@pytest.mark.parametrize(
    ("spec", "fault", "message"),
    [
        (heavy_spec(fit=1), ModelCallFailed, "Heavy ran out of memory on a single item"),
        (fake_spec(loader="support.models:load_badly"), ModelLoadError, "a disk that went away"),
        (fake_spec(megabytes=2048), InsufficientMemory, "needs 2.00 GiB"),
    ],
)
def test_errors_come_from_the_process_as_they_were_raised(
    spec: ModelSpec, fault: type[Exception], message: str
) -> None:
    with pytest.raises(fault, match=message):
        investigate_aside(task(spec), lambda sentence: None)


def test_no_process_remains_when_the_measuring_is_interrupted() -> None:
    def interrupt(sentence: str) -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        investigate_aside(task(heavy_spec()), interrupt)
    import multiprocessing

    assert multiprocessing.active_children() == []
    assert threading.active_count() == before


def test_embedders_are_measured_but_not_judged() -> None:
    findings = found(find("DummyVision"), 1, 2)
    assert findings.verdict is None
    assert (findings.proof.tier, findings.proof.seeds_matter) == (Tier.EXACT, False)


def test_generators_are_judged_by_what_they_make() -> None:
    shouter = fake_spec("Shouter", synthetic=False, loader="cli.plugins:load_shouter")
    verdict = found(shouter, 1).verdict
    assert verdict is not None
    assert verdict.complaint == "every output is repetitive"
