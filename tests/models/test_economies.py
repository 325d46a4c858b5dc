"""Offloading and weights of four bits: chosen on the shelf, part of the version where they change results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from panic_tda.errors import PrerequisiteError
from panic_tda.models.adding import add
from panic_tda.models.catalogue import find, published
from panic_tda.models.economies import offload_of, require_gpu
from panic_tda.models.model import ModelSpec, Placement
from support.checkpoints import Twins, require_libraries, twins
from support.gpus import put_gpu

__all__ = ["twins"]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty shelf."""
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))


def on_gpu(name: str, **options: str) -> ModelSpec:
    spec = published()[name]
    return replace(spec, device="cuda", options=(*spec.options, *options.items()))


@pytest.mark.parametrize(("gigabytes", "offload"), [(24, "sequential"), (63, "sequential"), (64, "none"), (80, "none")])
def test_flux2_dev_moves_layer_by_layer_to_gpus_below_64_gb(gigabytes: int, offload: str) -> None:
    assert offload_of(on_gpu("Flux2Dev"), gigabytes * 10**9) == offload
    assert offload_of(replace(on_gpu("Flux2Dev"), device="cpu"), gigabytes * 10**9) == "none"
    assert offload_of(on_gpu("Flux2Dev", offload="model"), gigabytes * 10**9) == "model"


def test_the_memory_a_small_gpu_needs_for_flux2_dev_is_that_of_single_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cuda")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    put_gpu(tmp_path, monkeypatch, mebibytes=80_000)
    assert find("Flux2Dev").memory_bytes == published()["Flux2Dev"].memory_bytes
    monkeypatch.setenv("PANIC_TDA_DTYPE", "bf16")  # so that the catalogue is written anew
    (tmp_path / "other").mkdir()
    put_gpu(tmp_path / "other", monkeypatch, mebibytes=24_000)
    assert find("Flux2Dev").memory_bytes == published()["Flux2Dev"].memory_bytes // 10


def test_four_bits_are_another_version_and_offloading_is_not(
    twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_libraries()
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cpu")
    add("SDXLTurbo", twins.folder(published()["SDXLTurbo"]))
    before = find("SDXLTurbo").version
    assert add("SDXLTurbo", None, options={"offload": "model"}).version == before
    four = add("SDXLTurbo", None, options={"quantisation": "4bit"})
    assert four.version == before.replace(".float32.", ".float32.4bit.")
    assert four.option("offload") == "model"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SDXLTurbo", {"offload": "model"}),
        ("SDXLTurbo", {"quantisation": "4bit"}),
        ("Qwen25VL", {"quantisation": "4bit"}),
    ],
)
def test_on_a_cpu_economies_are_refused_in_one_line(
    name: str, options: dict[str, str], twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_libraries()
    monkeypatch.setenv("PANIC_TDA_DEVICE", "cpu")
    spec = add(name, twins.folder(published()[name]), options=options)
    [(option, value)] = options.items()
    with pytest.raises(PrerequisiteError) as caught:
        spec.load(Placement())
    assert caught.value.message == f"{name}: {option}={value} needs an NVIDIA GPU, and the device here is cpu"
    assert caught.value.hint == f"panic-tda model add {name} --option {option}=none"


def test_on_a_gpu_economies_are_not_refused() -> None:
    require_gpu(on_gpu("SDXLTurbo", quantisation="4bit"), "cuda:1", "model")
