"""What this machine is, and its GPUs as the driver's tool tells of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from panic_tda.models.machine import Gpu, device_memory, gpus, host, host_memory, place_of
from support.gpus import put_tool


def test_a_machine_is_named_by_processor_cores_and_memory() -> None:
    assert re.fullmatch(r".+, \d+ cores, \d+ GiB", host())
    assert host_memory() > 2**28


def test_gpus_have_the_names_and_the_memory_the_driver_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_tool(tmp_path, monkeypatch, "printf 'NVIDIA H200, 143771\\nNVIDIA L4, 23034\\n'")
    assert gpus() == (Gpu("NVIDIA H200", 143771 * 2**20), Gpu("NVIDIA L4", 23034 * 2**20))
    assert device_memory("cuda") == 23034 * 2**20
    assert device_memory("cpu") == host_memory()
    assert place_of("cuda") == f"{host()}, NVIDIA H200"


@pytest.mark.parametrize("script", ["exit 9", "echo 'No devices were found'"])
def test_a_driver_that_finds_none_is_no_gpu(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_tool(tmp_path, monkeypatch, script)
    assert gpus() == ()
    assert device_memory("cuda") == host_memory()
