"""Fetching a repository from a hub, by the command a user types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from panic_tda.models.hashing import sha256_of_file
from support.checkpoints import put_weights
from support.hub import COMMIT, serving

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed (pip install 'panic-tda[torch]')")
NAME = "codellama/CodeLlama-7b-hf"


def command(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``panic-tda`` in a process of its own: the hub's library reads its settings once."""
    own = {"HF_HOME": str(folder / "hub"), "PANIC_TDA_CACHE": str(folder / "cache"), "HF_HUB_DISABLE_XET": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PANIC_TDA_"))}
    return subprocess.run(
        [sys.executable, "-m", "panic_tda", *words],
        capture_output=True,
        text=True,
        check=False,
        env=kept | own | {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"} | environment,
        cwd=folder,
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """A tiny repository, with a file that is never to be fetched."""
    folder = put_weights(tmp_path / "published", [4, 4])
    weights = (folder / "model.safetensors").read_bytes()
    return {"config.json": b"{}", "model.safetensors": weights, "pytorch_model.bin": b"pickled", "README.md": b"hello"}


def test_what_is_fetched_is_pinned_and_found_again_without_a_network(tmp_path: Path, files: dict[str, bytes]) -> None:
    with serving(NAME, files) as address:
        fetched = command(tmp_path, "--json", "model", "download", "CodeLlama7B", HF_ENDPOINT=address)
    assert fetched.returncode == 0, fetched.stderr
    [found] = json.loads(fetched.stdout)
    folder = Path(found["path"])
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert f"pinned to {COMMIT[:12]}" in fetched.stderr
    again = command(tmp_path, "model", "download", "CodeLlama7B", HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:1")
    assert (again.returncode, again.stdout) == (0, f"CodeLlama7B: {folder}\n")
    shown = json.loads(command(tmp_path, "--json", "model", "show", "CodeLlama7B").stdout)
    assert shown["here"] is True
    assert shown["version"].startswith(f"1+{COMMIT[:12]}.")
    assert shown["repository"]["commit"] == COMMIT
    assert len(shown["repository"]["sha256"]) == 64
    assert sha256_of_file(folder / "model.safetensors")


def test_a_gated_repository_is_one_line_with_what_to_do(tmp_path: Path) -> None:
    with serving("bigcode/starcoderbase-1b", {}, gated=True) as address:
        ran = command(tmp_path, "model", "download", "StarCoder1B", HF_ENDPOINT=address)
    assert ran.returncode == 1
    lines = ran.stderr.splitlines()
    assert lines[0].startswith("StarCoder1B: BigCode OpenRAIL-M (gated")
    assert lines[-2] == "error: StarCoder1B: bigcode/starcoderbase-1b is gated"
    assert lines[-1] == "hint: accept the licence on https://huggingface.co/bigcode/starcoderbase-1b and set HF_TOKEN"


def test_without_a_network_what_is_not_here_is_one_line_with_the_command(tmp_path: Path) -> None:
    ran = command(tmp_path, "model", "download", "CodeLlama7B", HF_HUB_OFFLINE="1")
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "error: HF_HUB_OFFLINE is set, and these weights are not here: CodeLlama7B",
        "hint: on a machine with a network: panic-tda model download CodeLlama7B",
    ]
