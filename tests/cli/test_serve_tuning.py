"""``panic-tda serve`` with a schedule, and when it is killed while it tunes."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import httpx2
import pytest

from cli.command_line import CommandLine
from cli.serving import served
from panic_tda.models.versions.register import line_of, versions_folder
from support.checkpoints import Twins, require_libraries, twins
from support.servers import events
from support.tuning import NAME, cipher_pairs, nobody_tunes, tiny_embedder, tuning_file
from support.waiting import eventually, is_running

__all__ = ["twins"]

require_libraries()
pytest.importorskip("datasets")

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def config(command: CommandLine, twins: Twins, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tuning file that takes long, of a tiny embedder."""
    tiny_embedder(twins, command.folder / "cache", monkeypatch)
    path = command.folder / "tune.json"
    path.write_text(json.dumps(tuning_file(command.folder, cipher_pairs(240), training={"epochs": 1_000})))
    return path


def test_a_server_that_is_killed_in_the_middle_leaves_no_process_no_lock_and_no_version(
    command: CommandLine, config: Path
) -> None:
    words = ["--finetune-at", "0 0 29 2 *", "--finetune-config", str(config), "--finetune-zone", "UTC"]
    given = {"TOKEN": TOKEN, "CACHE": str(command.folder / "cache"), "THREADS": "1"}
    environment = {f"PANIC_TDA_{name}": value for name, value in given.items()}
    with served(command.folder, *words, **environment) as (said, process):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx2.Client(base_url=said["url"], trust_env=False, headers=headers, timeout=120) as client:
            key = client.post("/finetunes", json=json.loads(config.read_text())).json()["id"]
            with client.stream("GET", f"/finetunes/{key}/events") as answer:
                assert any(data.get("stage") == "train" for _, data in events(answer.iter_lines()))
                busy = command("finetune", "run", "--config", str(config))
                process.send_signal(signal.SIGKILL)
        assert re.search(r"next tuning: 20\d\d-02-29 00:00 UTC", process.communicate(timeout=60)[1])
        assert busy.code == 1
        [first, *_] = busy.err.splitlines()
        tuner = int(first.removeprefix("error: process ").partition(" ")[0])
        assert f"has been tuning {NAME} since" in first
        assert tuner not in (process.pid, os.getpid())
        assert eventually(lambda: not is_running(tuner))
        assert eventually(nobody_tunes)
    assert line_of(NAME).versions == ()
    assert not [path for path in versions_folder(NAME).iterdir() if not path.name.startswith(".training-")]
    (config.parent / "pairs.jsonl").write_text("")
    free = command("finetune", "run", "--config", str(config))
    assert (free.code, "fewer than min_pairs" in free.err) == (1, True)


def test_a_schedule_that_could_never_be_kept_is_refused_before_anything_is_served(
    command: CommandLine, config: Path
) -> None:
    def refused(*words: str) -> str:
        ran = command("serve", "--port", "0", "--finetune-config", str(config), *words)
        assert (ran.code, ran.out) == (2, ""), ran.err
        return ran.err.splitlines()[0]

    assert "is no cron expression" in refused("--finetune-at", "2 Uhr")
    assert "--finetune-zone" in refused("--finetune-at", "0 2 * * *", "--finetune-zone", "Nowhere/Land")
    config.write_text(json.dumps({"model": "MiniLM", "corpus": {"stdlib": True}}))
    assert "cannot be tuned" in refused("--finetune-at", "0 2 * * *")
    config.unlink()
    assert "No such file" in refused("--finetune-at", "0 2 * * *")
