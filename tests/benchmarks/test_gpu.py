"""The benchmark for GPUs, rehearsed on the CPU."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import gpu
from support.checkpoints import require_libraries

require_libraries()


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No measurement of this machine decides, and none is left behind."""
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))


def test_without_a_gpu_it_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if gpu.has_cuda():
        pytest.skip("there is a GPU")
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--write"])
    gpu.main()
    out = capsys.readouterr().out
    assert out.startswith("torch finds no CUDA device here")
    assert out.count("\n") == 1


def test_a_rehearsal_goes_through_the_same_code_and_leaves_the_page_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = gpu.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--rehearse", "--write", "--batches", "1", "2", "--seconds", "0.1"])
    gpu.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("A tiny model with random weights, 32 × 32 pixels, 2 steps, on ")
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| 1", "| 2"]
    assert all("| exact |" in line for line in lines[4:])
    assert gpu.PAGE.read_text(encoding="utf-8") == before


def test_a_table_replaces_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    page = Path(shutil.copy(gpu.PAGE, tmp_path / "page.md"))
    before = page.read_text(encoding="utf-8")
    for text in ("a first table", "another table"):
        gpu.put_into_page(text, page)
    after = page.read_text(encoding="utf-8")
    assert "another table" in after
    assert "a first table" not in after
    assert after.partition(gpu.BEGIN)[0] == before.partition(gpu.BEGIN)[0]
    assert after.partition(gpu.END)[2] == before.partition(gpu.END)[2]


def test_pages_have_the_marks() -> None:
    text = gpu.PAGE.read_text(encoding="utf-8")
    assert text.count(gpu.BEGIN) == text.count(gpu.END) == 1
