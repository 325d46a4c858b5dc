"""``panic-tda doctor`` and ``verify`` as their users and scripts see them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli.command_line import CommandLine

DATABASE = Path("panic-tda.sqlite")


def damage(statement: str) -> None:
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_clean_record_is_told_to_be_whole(command: CommandLine, experiment_id: str) -> None:
    assert (command("doctor").code, command("doctor", experiment_id[:13]).out) == (0, "nothing is wrong\n")
    assert command("doctor", "--json").json == {"findings": [], "fixed": 0}


def test_damage_is_told_line_by_line_and_ends_with_1(command: CommandLine, experiment_id: str) -> None:
    damage("DELETE FROM invocations WHERE sequence_number = 3")
    ran = command("doctor")
    assert ran.code == 1
    assert ran.out.splitlines()[0].startswith("missing    invocations: run ")
    assert ran.out.splitlines()[-1].endswith("0 fixed, 2 left")
    found = command("doctor", "latest", "--json")
    assert (found.code, found.json["fixed"]) == (1, 0)
    assert set(found.json["findings"][0]) == {"kind", "table", "id", "detail"}


def test_fixing_needs_a_yes_and_leaves_nothing_wrong(command: CommandLine, experiment_id: str) -> None:
    damage("DELETE FROM invocations WHERE sequence_number = 3")
    refused = command("doctor", "--fix")
    assert refused.code == 2
    assert refused.err.splitlines()[-2:] == [
        "error: 2 findings to fix by deleting",
        "hint: say --yes to delete",
    ]
    fixed = command("doctor", "--fix", "--yes", "--json")
    assert (fixed.code, fixed.json["fixed"]) == (0, 2)
    assert command("doctor").out == "nothing is wrong\n"


@pytest.mark.parametrize("ruin", ["flipped", "truncated"])
def test_a_ruined_file_gives_no_answer_but_says_what_to_do(command: CommandLine, experiment_id: str, ruin: str) -> None:
    damage("PRAGMA journal_mode=DELETE")
    data = bytearray(DATABASE.read_bytes())
    if ruin == "flipped":
        for start in range(4096, len(data), 4096):
            data[start] ^= 0xFF
    DATABASE.write_bytes(data if ruin == "flipped" else data[: len(data) // 2 // 4096 * 4096])
    for words in (["doctor"], ["experiment", "show", experiment_id], ["export", "parquet", "latest", "--out", "out"]):
        ran = command(*words)
        assert ran.code == 1, words
        assert "panic-tda.sqlite" in ran.out + ran.err
        assert "doctor --recover" in ran.out + ran.err


def test_what_can_be_read_of_a_ruined_file_is_salvaged(command: CommandLine, experiment_id: str) -> None:
    whole = command("experiment", "show", experiment_id, "--json").json
    damage("PRAGMA journal_mode=DELETE")
    data = bytearray(DATABASE.read_bytes())
    pages = len(data) // 4096
    for page in (pages // 2, pages - 2):
        data[page * 4096 : page * 4096 + 64] = bytes(64)
    DATABASE.write_bytes(data)
    ran = command("doctor", "--recover", "salvaged.sqlite", "--json")
    assert ran.code == 0
    assert ran.json["recovered"]["runs"] == {"read": 2, "lost": 0}
    mended = command("--db", "salvaged.sqlite", "doctor", "--fix", "--yes", "--json")
    assert mended.code == 0
    again = command("--db", "salvaged.sqlite", "experiment", "resume", experiment_id, "--json")
    assert again.json["status"] == "completed"
    now = command("--db", "salvaged.sqlite", "experiment", "show", experiment_id, "--json").json
    assert (now["stages"], now["stop_reasons"]) == (whole["stages"], whole["stop_reasons"])


def test_salvaging_never_overwrites(command: CommandLine, experiment_id: str) -> None:
    Path("there.sqlite").write_text("mine")
    ran = command("doctor", "--recover", "there.sqlite")
    assert (ran.code, ran.err.splitlines()) == (2, ["error: there.sqlite exists already", "hint: name a new file"])
    assert Path("there.sqlite").read_text() == "mine"


def test_verify_tells_how_many_outputs_came_out_again(command: CommandLine, experiment_id: str) -> None:
    ran = command("verify", "latest", "--sample", "5", "--seed", "1")
    assert (ran.code, ran.out) == (0, "5 of 5 invocations gave what is recorded\n")
    assert command("verify", "latest", "--sample", "0", "--json").json == {
        "checked": 12,
        "matched": 12,
        "mismatched": [],
        "unverifiable": {},
    }


def test_verify_names_what_differs_and_ends_with_1(command: CommandLine, experiment_id: str) -> None:
    damage("UPDATE invocations SET seed = 1 WHERE sequence_number = 2")
    ran = command("verify", "latest", "--sample", "0", "--json")
    assert ran.code == 1
    assert {each["sequence_number"] for each in ran.json["mismatched"]} == {2}
    words = command("verify", "latest", "--sample", "0").out
    assert "step 2 of run " in words
