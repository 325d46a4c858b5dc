"""The commands ``finetune`` and ``version``, on a tiny embedder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.command_line import CommandLine
from support.checkpoints import Twins, require_libraries, twins
from support.tuning import NAME, cipher_pairs, tiny_embedder, tuning_file

require_libraries()
pytest.importorskip("datasets")

__all__ = ["twins"]


@pytest.fixture
def config(command: CommandLine, twins: Twins, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tuning file of a tiny embedder."""
    tiny_embedder(twins, command.folder / "cache", monkeypatch)
    return write(command, "good")


def write(command: CommandLine, name: str, *, shuffled: bool = False, **training: Any) -> str:
    folder = command.folder / name
    content = tuning_file(folder, cipher_pairs(240, shuffled=shuffled), training={"epochs": 4, **training})
    path = folder / "tune.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def test_a_night_with_something_new_one_without_and_one_that_was_worse(command: CommandLine, config: str) -> None:
    first = command("finetune", "run", "--config", config)
    assert first.code == 0, first.err
    assert f"{NAME}@1 accepted" in first.out
    assert "ndcg@10" in first.out
    assert "train 20/20 (100 %)" in first.err or "train" in first.err

    again = command("--json", "--quiet", "finetune", "run", "--config", config)
    assert (again.code, again.err) == (0, "")
    assert (again.json["status"], again.json["version"], again.json["champion"]) == ("unchanged", 1, 1)
    assert again.json["verdict"]["accepted"]
    assert "nothing to do" in command("finetune", "run", "--config", config).out

    worse = command("--json", "finetune", "run", "--config", write(command, "bad", shuffled=True, epochs=1))
    assert worse.code == 1
    assert (worse.json["status"], worse.json["version"], worse.json["champion"]) == ("rejected", 2, 1)
    assert worse.json["verdict"]["objections"]

    versions = command("--json", "version", "list", NAME).json
    assert [(each["version"], each["status"], each["champion"]) for each in versions] == [
        (1, "accepted", True),
        (2, "rejected", False),
    ]
    assert f"{NAME}@1" in command("version", "list").out
    assert command("--json", "version", "rollback", NAME).json == {"name": NAME, "champion": 0, "before": 1}
    assert command("version", "promote", NAME).out == f"{NAME}@champion is {NAME}@1, it was {NAME}@0\n"
    assert "as before" in command("version", "promote", NAME, "1").out
    refused = command("version", "promote", NAME, "2")
    assert (refused.code, refused.err.splitlines()[0]) == (2, f"error: the gate rejected {NAME}@2")
    assert command("version", "promote", NAME, "2", "--force").code == 0
    assert command("version", "promote", f"{NAME}@2").code == 2
    assert command("version", "list", "Nobody").code == 2


def test_pairs_are_written_with_their_counts_and_can_be_trained_on(command: CommandLine, config: str) -> None:
    file = str(Path(config).with_name("pairs.jsonl"))
    made = command("--json", "finetune", "pairs", "--jsonl", file, "--out", "set")
    assert made.code == 0, made.err
    assert made.json["pairs"] == made.json["train"] + made.json["held_out"] == 240
    assert {path.name for path in Path("set").iterdir()} == {"train.jsonl", "held_out.jsonl", "dataset.json"}
    said = command("finetune", "pairs", "--jsonl", file, "--out", "set").out
    assert "written to set" in said
    few = command("finetune", "pairs", "--jsonl", file, "--out", "other", "--min-pairs", "241")
    assert (few.code, "240 pairs, fewer than min_pairs (241)" in few.err) == (1, True)
    assert not Path("other").exists()
    none = command("finetune", "pairs", "--out", "other")
    assert (none.code, "names no source of pairs" in none.err) == (2, True)


def test_a_faulty_tuning_file_is_refused_with_every_fault(command: CommandLine) -> None:
    Path("tune.yaml").write_text("corpus: {code: [.], colour: red}\ntraining: {epochs: 0}\n")
    refused = command("finetune", "run", "--config", "tune.yaml")
    assert refused.code == 2
    for fault in ("model: is required", "corpus.colour: unknown key", "training.epochs: should be greater"):
        assert fault in refused.err
    assert command("finetune", "run", "--config", "nowhere.yaml").code == 2


def test_the_schedule_runs_the_same_file_from_the_same_folder(command: CommandLine, config: str) -> None:
    made = command("--json", "--db", "mine.sqlite", "finetune", "schedule", "--config", config, "--at", "3:30").json
    assert made["cron"].startswith(f"30 3 * * * cd {command.folder} && ")
    assert made["cron"].endswith(f"--db mine.sqlite finetune run --config {config}")
    assert "OnCalendar=*-*-* 03:30:00" in made["timer"]
    assert made["service"] in command("--db", "mine.sqlite", "finetune", "schedule", "--config", config).out
    assert command("finetune", "schedule", "--config", config, "--at", "25:00").code == 2
