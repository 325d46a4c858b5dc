"""A bad experiment file, as someone at a terminal meets it: exit code 2, a line for each fault, no traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.command_line import DUMMIES, CommandLine

FAULTY: dict[str, tuple[dict[str, Any], int]] = {
    "unknown keys": ({"sed": 1, "prompt": 2}, 2),
    "mistyped models": ({"networks": [["DummyT2I", "DumyI2T"]], "embedding_models": ["DummyTxt"]}, 2),
    "an open chain": ({"networks": [["DummyT2I", "DummyT2I2"]]}, 2),
    "empty lists": ({"networks": [], "prompts": [], "seeds": [], "embedding_models": []}, 4),
    "numbers out of range": ({"max_length": 0, "num_runs": 0, "seeds": [-2, 2**31]}, 4),
    "duplicates": ({key: DUMMIES[key] * 2 for key in ("networks", "prompts", "embedding_models")}, 4),
    "seeds of other types": ({"seeds": ["1", True, 1.5, None, [1], {}]}, 6),
    "prompts that nobody takes": ({"prompts": ["a", {"image": "none.png"}]}, 2),
    "roles mixed up": ({"networks": [["DummyText"]], "embedding_models": ["DummyT2I"]}, 2),
    "one of each": ({"x": 1, "networks": [["DummyT2"]], "prompts": [""], "seeds": [-9], "max_length": "long"}, 5),
}
BROKEN = {
    "json": ("e.json", "{"),
    "yaml": ("e.yaml", "a: ["),
    "toml": ("e.toml", "a ="),
    "a tag": ("e.yaml", "a: !!python/object/apply:os.mkdir [made]"),
    "a tower": ("e.json", "[" * 100_000),
    "not utf-8": ("e.json", "\udcff"),
    "an ending": ("e.ini", "[a]"),
    "a list": ("e.json", "[]"),
}


@pytest.mark.parametrize("verb", ["validate", "perform"])
@pytest.mark.parametrize(("changes", "faults"), FAULTY.values(), ids=FAULTY.keys())
def test_each_fault_has_its_line(command: CommandLine, verb: str, changes: dict[str, Any], faults: int) -> None:
    file = command.write(**changes)
    ran = command("experiment", verb, file)
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(rf"(error: [\w.\[\]]+: [^\n]+\n){{{faults}}}", ran.err)
    as_json = command("experiment", verb, file, "--json")
    assert (as_json.code, as_json.err) == (2, "")
    error = as_json.json["error"]
    assert error["type"] == "ConfigurationError"
    assert [f"error: {issue}" for issue in error["issues"]] == ran.err.splitlines()
    assert error["message"] == "; ".join(error["issues"])
    assert not Path("panic-tda.sqlite").exists()


@pytest.mark.parametrize(("name", "content"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_cannot_be_read_has_one_line(command: CommandLine, name: str, content: str) -> None:
    Path(name).write_bytes(content.encode("utf-8", "surrogateescape"))
    ran = command("experiment", "perform", name)
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(rf"error: {re.escape(name)}: [^\n]+\n", ran.err)
    assert not Path("made").exists()


def test_several_bad_files_are_not_performed_in_part(command: CommandLine) -> None:
    good, bad = command.write("good.json"), command.write("bad.json", seeds=["x"])
    assert command("experiment", "perform", good, bad).code == 2
    assert not Path("panic-tda.sqlite").exists()


def test_a_fault_with_any_characters_stays_on_its_line(command: CommandLine) -> None:
    Path("e.json").write_text(json.dumps(DUMMIES | {"a\nb\r\x1b[2J\u2028": 1}), encoding="utf-8")
    (line,) = command("experiment", "perform", "e.json").err.splitlines()
    assert line.isprintable()
