"""What the settings make of the catalogue on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from panic_tda.errors import ConfigurationError
from panic_tda.models.catalogue import catalogue, find
from panic_tda.models.deployment import best_device, chosen_device, chosen_dtype, current, using
from panic_tda.settings import Settings, load_settings


@pytest.mark.parametrize(
    ("wanted", "device", "own", "chosen"),
    [
        ("auto", "cpu", "float16", "float32"),
        ("auto", "cpu", "bfloat16", "float32"),
        ("auto", "cuda", "float16", "float16"),
        ("auto", "mps", "bfloat16", "bfloat16"),
        ("bf16", "cpu", "float16", "bfloat16"),
        ("fp32", "cuda", "float16", "float32"),
        ("fp16", "cuda", "bfloat16", "float16"),
        ("bf16", "cpu", "gguf", "gguf"),
    ],
)
def test_numbers_are_those_asked_for_else_the_models_own_but_never_half_on_a_cpu(
    wanted: str, device: str, own: str, chosen: str
) -> None:
    assert chosen_dtype(wanted, device, own) == chosen


@pytest.mark.parametrize(
    ("wanted", "fault"), [("fp16", "dtype fp16 cannot be computed on a CPU"), ("fp8", "dtype must be one of")]
)
def test_numbers_that_cannot_be_are_refused(wanted: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        chosen_dtype(wanted, "cpu", "float32")


def test_a_device_is_the_one_asked_for_else_the_best_there_is() -> None:
    assert chosen_device("cuda") == "cuda"
    assert chosen_device("auto") == best_device()
    with pytest.raises(ConfigurationError, match="device must be one of auto, cpu, cuda, mps, not 'tpu'"):
        chosen_device("tpu")


def test_the_catalogue_follows_the_settings_while_they_are_in_use(tmp_path: Path) -> None:
    before = find("BLIP2")
    with using(Settings(device="cuda", dtype="bf16", weights=(("BLIP2", str(tmp_path)),))):
        spec = find("BLIP2")
        assert (spec.device, spec.dtype) == ("cuda", "bfloat16")
        assert spec.repository is not None
        assert spec.repository.folder == str(tmp_path)
        assert ".bfloat16.cuda." in spec.version
    assert find("BLIP2") == before


def test_nothing_given_leaves_the_settings_as_they_are() -> None:
    with using(Settings(threads=3)), using(None):
        assert current().threads == 3


@pytest.mark.parametrize(
    ("name", "fault"), [("BLIP3", "weights.BLIP3: unknown model; did you mean BLIP2"), ("Glyph", "are not a folder")]
)
def test_folders_for_models_that_take_none_are_faults_of_the_settings(name: str, fault: str) -> None:
    with using(Settings(weights=((name, "/nowhere"),))), pytest.raises(ConfigurationError, match=fault):
        catalogue()


def test_models_that_no_settings_concern_stay_as_they_were_published() -> None:
    with using(Settings(device="cuda", dtype="bf16")):
        assert (find("MiniLM").device, find("MiniLM").dtype) == ("cpu", "int8")


def test_uses_that_overlap_end_in_any_order_and_leave_nothing_behind() -> None:
    one, other = using(Settings(threads=3)), using(Settings(threads=3, workers=2))
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert current().workers == 2
    other.__exit__(None, None, None)
    assert current() == load_settings()
