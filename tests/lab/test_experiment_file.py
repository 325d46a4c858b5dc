"""Reading experiment files, good and hostile."""

from __future__ import annotations

import errno
import io
import json
from pathlib import Path
from typing import Any

import pytest

from panic_tda.errors import ConfigurationError
from panic_tda.lab.experiment_file import folder_of, read_experiment_file

CONTENT = {
    "networks": [["DummyT2I", {"model": "DummyI2T"}]],
    "prompts": ["a red apple", {"image": "start.png"}, "ünïcödé 🍎"],
    "seeds": [42, -1],
    "max_length": 100,
    "stages": {"diagrams": {"max_dim": 2}},
}
JSON = json.dumps(CONTENT)
YAML = """\
# a comment
networks: &all [[DummyT2I, {model: DummyI2T}]]
prompts: [a red apple, {image: start.png}, "ünïcödé 🍎"]
seeds: [42, -1]
max_length: 100
stages: {diagrams: {max_dim: 2}}
"""
TOML = """\
networks = [["DummyT2I", {model = "DummyI2T"}]]
prompts = ["a red apple", {image = "start.png"}, "ünïcödé 🍎"]
seeds = [42, -1]
max_length = 100
[stages.diagrams]
max_dim = 2
"""


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def issue(source: Path | str) -> str:
    """The one fault that reading finds."""
    with pytest.raises(ConfigurationError) as refused:
        read_experiment_file(source)
    (only,) = refused.value.issues
    assert "\n" not in only
    return only


@pytest.mark.parametrize("name", ["e.json", "e.JSON", "e.yaml", "e.yml", "e.toml"])
def test_the_three_formats_say_the_same(tmp_path: Path, name: str) -> None:
    text = {"json": JSON, "yaml": YAML, "yml": YAML, "toml": TOML}[name.partition(".")[2].lower()]
    assert read_experiment_file(write(tmp_path, name, text)) == CONTENT


@pytest.mark.parametrize("name", ["e.json", "e.yaml", "e.toml"])
def test_a_byte_order_mark_is_no_fault(tmp_path: Path, name: str) -> None:
    text = {"json": JSON, "yaml": YAML, "toml": TOML}[name.partition(".")[2]]
    assert read_experiment_file(write(tmp_path, name, b"\xef\xbb\xbf" + text.encode())) == CONTENT


@pytest.mark.parametrize("text", [JSON, YAML])
def test_stdin_is_json_or_yaml(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert read_experiment_file("-") == CONTENT


def test_paths_are_relative_to_the_file_and_of_stdin_to_the_working_folder(tmp_path: Path) -> None:
    assert folder_of(tmp_path / "e.json") == tmp_path
    assert folder_of("-") == Path.cwd()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("e.json", "", "Expecting value"),
        ("e.json", "{", "line 1 column 2"),
        ("e.json", '{"a": 1,}', "line 1 column"),
        ("e.json", "[" * 100_000, "nested too deeply"),
        ("e.json", '{"a":' * 100_000, "nested too deeply"),
        ("e.json", '{"seeds": [' + "9" * 5_000 + "]}", "too many digits"),
        ("e.json", '{"seeds": [1], "seeds": [2]}', "the key 'seeds' occurs twice"),
        ("e.json", '{"stages": {"diagrams": true, "diagrams": false}}', "the key 'diagrams' occurs twice"),
        ("e.yaml", "a: [", "line 1, column 5"),
        ("e.yaml", "\t- x", "cannot start any token"),
        ("e.yaml", "a: *nowhere", "undefined alias"),
        ("e.yaml", "---\na: 1\n---\nb: 2\n", "expected a single document"),
        ("e.yaml", "? [a]\n: 1", "unhashable key"),
        ("e.yaml", "a: 2001-99-99", "month must be in 1..12"),
        ("e.yaml", "[" * 5_000, "nested too deeply"),
        ("e.yaml", "seeds: [1]\nseeds: [2]", "the key 'seeds' occurs twice"),
        ("e.yaml", "a: !!int many", "invalid literal"),
        ("e.yaml", "a: !!timestamp noon", "NoneType"),
        ("e.yaml", "a: !!bool maybe", "maybe"),
        ("e.yaml", "a: \x00", "special characters are not allowed"),
        ("e.toml", "a =", "Invalid value"),
        ("e.toml", "a = 1\na = 2", "overwrite"),
        ("e.toml", "x = " + "[" * 50_000, "nested too deeply"),
        ("e.toml", "seeds = [" + "9" * 5_000 + "]", "too many digits"),
        ("e.txt", "{}", "unknown format '.txt': use one of .json, .yaml, .yml, .toml"),
        ("e", "{}", "unknown format ''"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_the_file_and_the_reason(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    path = write(tmp_path, name, content)
    assert issue(path).startswith(f"{path}: ")
    assert words in issue(path)


@pytest.mark.parametrize("name", ["e.json", "e.yaml", "e.toml"])
@pytest.mark.parametrize("content", [b"\xff\xfe{\x00}\x00", b'{"a": "caf\xe9"}', b"\x80"])
def test_what_is_not_utf8_is_said_to_be_so(tmp_path: Path, name: str, content: bytes) -> None:
    assert "is not UTF-8 text" in issue(write(tmp_path, name, content))


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("e.json", "[]", "a list"),
        ("e.json", "null", "nothing"),
        ("e.json", '"x"', "a text"),
        ("e.json", "3", "a number"),
        ("e.json", "true", "a yes or no"),
        ("e.yaml", "", "nothing"),
        ("e.yaml", "- a", "a list"),
        ("e.yaml", "2001-01-01", "a date"),
    ],
)
def test_what_is_not_a_mapping_is_said_to_be_so(tmp_path: Path, name: str, content: str, kind: str) -> None:
    assert issue(write(tmp_path, name, content)).endswith(f": an experiment is a mapping of keys, not {kind}")


def test_a_file_that_is_not_there_and_a_folder_are_said_to_be_so(tmp_path: Path) -> None:
    assert issue(tmp_path / "none.yaml") == f"{tmp_path / 'none.yaml'}: No such file or directory"
    (tmp_path / "folder.yaml").mkdir()
    assert issue(tmp_path / "folder.yaml") == f"{tmp_path / 'folder.yaml'}: Is a directory"
    assert "null byte" in issue("a\0b.json")


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.mkdir [{folder}]",
        "!!python/object/new:os.mkdir [{folder}]",
        "!!python/name:os.mkdir",
        "!!python/module:os",
        "!!python/object/apply:subprocess.run [[mkdir, {folder}]]",
        "!python/tuple [1]",
        "!anything x",
    ],
)
def test_a_yaml_tag_runs_nothing(tmp_path: Path, tag: str) -> None:
    folder = tmp_path / "made"
    assert "could not determine a constructor" in issue(write(tmp_path, "e.yaml", f"a: {tag.format(folder=folder)}"))
    assert not folder.exists()


def test_yaml_merge_keys_and_aliases_work(tmp_path: Path) -> None:
    text = "base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\nsame: *base\n"
    wanted: dict[str, Any] = {"base": {"a": 1, "b": 2}, "mine": {"a": 1, "b": 3}, "same": {"a": 1, "b": 2}}
    assert read_experiment_file(write(tmp_path, "e.yaml", text)) == wanted


def test_a_file_that_may_not_be_read_is_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    path = write(tmp_path, "e.json", "{}")
    for reader in ("read_text", "read_bytes", "open"):
        monkeypatch.setattr(Path, reader, refuse)
    assert issue(path) == f"{path}: Permission denied"
