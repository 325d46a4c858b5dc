"""The documentation is held against the program: its tables, its examples, its links and its words."""

from __future__ import annotations

import itertools
import json
import os
import re
import runpy
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml

import panic_tda
from cli.command_line import DUMMIES, CommandLine
from panic_tda.cli.app import app
from panic_tda.errors import ConfigurationError
from panic_tda.lab.config import config_schema
from panic_tda.lab.laboratory import load_config, perform
from panic_tda.models.catalogue import catalogue
from panic_tda.settings import ENVIRONMENT_PREFIX, Settings
from panic_tda.store.database import _PRAGMAS, Record, open_record
from panic_tda.store.experiments import list_experiments
from panic_tda.store.tables import INVOCATION_EMBEDDINGS, metadata

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
EXAMPLES = sorted((ROOT / "examples").iterdir())
EXPERIMENTS = [path for path in EXAMPLES if path.suffix == ".yaml"]
LONGEST_S = 300
FENCE = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# ([\w-]+\.(?:yaml|toml))\n")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SHELL_SYNTAX = re.compile(r"[|<>$&;]|^\w+=", re.MULTILINE)
NOT_RUN = ("make", "pip")
"""First words of the lines that change the machine; all others are executed."""


class Block(NamedTuple):
    """A fenced block: what stands after the backticks, and its text."""

    language: str
    text: str

    @property
    def file_name(self) -> str | None:
        """The name in the comment of its first line."""
        named = FILE_NAME.match(self.text)
        return named[1] if named else None

    @property
    def commands(self) -> str:
        """Those lines of a shell block that are executed."""
        return "\n".join(line for line in self.text.splitlines() if line.split(" ")[0] not in NOT_RUN)

    @property
    def is_executed(self) -> bool:
        """Whether there is something to do."""
        return self.language in ("python", "sql") or (self.language == "sh" and bool(self.commands.strip()))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path) -> list[Block]:
    return [Block(*found.groups()) for found in FENCE.finditer(read(path))]


def named_block(page: str, file_name: str) -> tuple[Block, Block]:
    """The block of a page that is a file of that name, and the block after it."""
    found = blocks(DOCS / page)
    [index] = [index for index, block in enumerate(found) if block.file_name == file_name]
    return found[index], found[index + 1]


def ids(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


EXECUTED = [
    path
    for path in PAGES
    if path.name not in ("README.md", "json.md") and any(block.is_executed for block in blocks(path))
]


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``experiment.yaml``, a record in which it has been performed, and an old database."""
    folder = tmp_path_factory.mktemp("laboratory")
    shutil.copy(ROOT / "tests" / "data" / "legacy-python.sqlite", folder / "old.sqlite")
    (folder / "experiment.yaml").write_text(json.dumps(DUMMIES), encoding="utf-8")
    with open_record(folder / "panic-tda.sqlite") as record:
        perform(record, load_config(DUMMIES))
    return folder


@pytest.fixture
def folder(laboratory: Path, tmp_path: Path) -> Path:
    """A copy of the laboratory."""
    return shutil.copytree(laboratory, tmp_path / "laboratory")


def test_the_generated_parts_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, f"{checked.stdout}{checked.stderr}run: python docs/generate.py"


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """``panic-tda`` in the laboratory, with no settings from outside."""
    for variable in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PANIC_TDA_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    return CommandLine(folder, capsys)


def test_the_examples_of_the_readme_run_in_an_empty_folder(tmp_path: Path) -> None:
    for block in blocks(ROOT / "README.md"):
        if block.file_name:
            (tmp_path / block.file_name).write_text(block.text, encoding="utf-8")
        elif block.is_executed:
            in_a_process(block, tmp_path)


@pytest.mark.parametrize("page", EXECUTED, ids=ids(EXECUTED))
def test_the_examples_of_a_page_run_in_a_laboratory(page: Path, command: CommandLine) -> None:
    for block in blocks(page):
        if block.file_name:
            (command.folder / block.file_name).write_text(block.text, encoding="utf-8")
        elif block.language == "sql":
            query(command.folder / "panic-tda.sqlite", block.text)
        elif block.language == "python":
            exec(compile(block.text, page.name, "exec"), {})
        elif block.language == "sh" and SHELL_SYNTAX.search(block.commands):
            in_a_process(block, command.folder)
        elif block.language == "sh":
            for line in filter(None, block.commands.splitlines()):
                ran = command(*shlex.split(line)[1:])
                assert ran.code == 0, f"{line}\n{ran.out}\n{ran.err}"


def in_a_process(block: Block, place: Path) -> None:
    shell = ["bash", "-euo", "pipefail", "-c", block.commands]
    words = shell if block.language == "sh" else [sys.executable, "-W", "error", "-c", block.text]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    ran = subprocess.run(
        words, cwd=place, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    assert ran.returncode == 0, f"{block.text}\n{ran.stdout}\n{ran.stderr}"


def query(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in filter(str.strip, text.split(";")):
            found = connection.execute(statement).fetchall()
            assert found or not statement.lstrip().startswith("SELECT"), f"no rows: {statement}"


def json_examples() -> Iterator[tuple[str, Any]]:
    """Each command of json.md with the document shown after it."""
    found = blocks(DOCS / "json.md")
    for before, after in itertools.pairwise(found):
        if before.language == "sh" and after.language == "json":
            yield before.text.strip(), json.loads(after.text)


def test_commands_print_the_documented_json(command: CommandLine) -> None:
    for line, documented in json_examples():
        ran = command(*shlex.split(line)[1:])
        assert not differences(documented, ran.json, line)
        assert (ran.code == 0) == ("error" not in ran.json)


def test_every_command_has_its_json_documented() -> None:
    page = read(DOCS / "json.md")
    missing = [path for path, _ in leaf_commands() if path.removeprefix("panic-tda ") not in page.replace("`", "")]
    assert [path for path in missing if not path.startswith("panic-tda export")] == []
    assert "## `export`" in page


def differences(documented: Any, real: Any, place: str) -> list[str]:
    """Where two documents differ in keys or kinds of values; of lists, the first entries are compared."""
    if documented is None or real is None:
        return []
    if isinstance(documented, dict) and isinstance(real, dict):
        if documented.keys() != real.keys():
            return [f"{place}: {sorted(documented.keys() ^ real.keys())}"]
        return [each for key in documented for each in differences(documented[key], real[key], f"{place}.{key}")]
    if isinstance(documented, list) and isinstance(real, list):
        return differences(documented[0], real[0], f"{place}[0]") if documented and real else []
    kinds = [float if type(value) is int else type(value) for value in (documented, real)]
    return [] if kinds[0] is kinds[1] else [f"{place}: {kinds}"]


def test_differences_are_seen() -> None:
    assert differences({"a": 1}, {"a": 1.5}, "") == []
    assert differences({"a": [{"b": 1}]}, {"a": [{"c": 1}]}, "x") == ["x.a[0]: ['b', 'c']"]
    assert differences({"a": "1"}, {"a": 1}, "x")


def leaf_commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    waiting: list[tuple[str, Any]] = [("panic-tda", typer.main.get_command(app))]
    while waiting:
        path, command = waiting.pop()
        inside = getattr(command, "commands", {})
        waiting += [(f"{path} {name}", each) for name, each in inside.items()]
        if not inside:
            yield path, command


def test_every_command_and_option_is_documented() -> None:
    page = read(DOCS / "cli.md")
    for path, command in leaf_commands():
        heading = f"### `{path}`\n"
        assert heading in page
        section = page.split(heading)[1].split("\n#")[0]
        options = [parameter.opts[0] for parameter in command.params if parameter.param_type_name == "option"]
        assert [option for option in options if f"`{option}" not in section] == [], path


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_every_table_and_column_is_documented(table: Any) -> None:
    section = read(DOCS / "record.md").split(f"### `{table.name}`\n")[1].split("\n#")[0]
    assert [column.name for column in table.columns if f"| `{column.name}` |" not in section] == []


def test_the_view_and_the_pragmas_are_documented() -> None:
    page = read(DOCS / "record.md")
    columns = re.findall(r" AS (\w+)", INVOCATION_EMBEDDINGS)
    assert [name for name in ("invocation_embeddings", *columns) if f"`{name}`" not in page] == []
    pragmas = [pragma.removeprefix("PRAGMA ").split("=") for pragma in _PRAGMAS]
    assert [name for name, value in pragmas if f"| `{name}` | `{value}` |" not in page] == []


def names() -> Iterator[tuple[str, str]]:
    """(page, what stands in it between backticks)."""
    for spec in catalogue().values():
        yield "models.md", spec.name
        yield from (("models.md", parameter.name) for parameter in spec.parameters)
        yield from (("models.md", weights.requirement) for weights in spec.weights)
    for setting in fields(Settings):
        yield "settings.md", setting.name
        yield "settings.md", ENVIRONMENT_PREFIX + setting.name.upper()
    yield from (("python.md", name) for name in panic_tda.__all__)
    yield from (("experiment-file.md", name) for name in config_schema()["properties"])


def test_every_model_setting_key_and_public_name_is_documented() -> None:
    pages = {name: read(DOCS / name) for name in {page for page, _ in names()}}
    assert [(page, name) for page, name in names() if f"`{name}`" not in pages[page]] == []


def test_every_page_is_in_the_index_and_every_benchmark_in_its_page() -> None:
    index = read(DOCS / "index.md")
    assert [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and f"({page.name})" not in index] == []
    described = set(re.findall(r"`python (benchmarks/\w+\.py)`", read(DOCS / "performance.md")))
    scripts = [path for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in read(path)]
    assert described == {f"benchmarks/{path.name}" for path in scripts}


def test_the_documented_faults_are_those_that_are_found() -> None:
    faulty, answer = named_block("experiment-file.md", "faulty.yaml")
    with pytest.raises(ConfigurationError) as found:
        load_config(yaml.safe_load(faulty.text))
    assert [f"error: {issue}" for issue in found.value.issues] == answer.text.splitlines()


def test_the_readme_begins_with_two_commands_that_make_knows() -> None:
    first = next(block for block in blocks(ROOT / "README.md") if block.language == "sh")
    assert first.text.splitlines() == ["make demo", "make test"]
    targets = re.findall(r"^(\w+):", read(ROOT / "Makefile"), re.MULTILINE)
    used = {name for page in PAGES for block in blocks(page) for name in re.findall(r"^make (\w+)", block.text, re.M)}
    assert {"demo", "test"} <= used <= set(targets)


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", read(page))
    inside = [target for target in LINK.findall(text) if not target.startswith(("http://", "https://"))]
    assert [target for target in inside if not leads_somewhere(page, target)] == []


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    goal = (page.parent / path).resolve() if path else page
    return goal.exists() and goal.is_relative_to(ROOT) and (not anchor or anchor in anchors(goal))


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", EXPERIMENTS, ids=ids(EXPERIMENTS))
def test_every_example_is_a_valid_experiment(path: Path) -> None:
    assert read(path).startswith("# ")
    assert load_config(path).count_runs() > 0


def status_of_all(record: Record) -> list[tuple[str, int, int]]:
    with record.reading() as connection:
        return [(row["status"], row["runs"], row["invocations"]) for row in list_experiments(connection)]


def test_every_function_of_the_example_has_its_source_in_this_python() -> None:
    example = runpy.run_path(str(ROOT / "examples" / "code_loop.py"))
    texts = [example["source"](function) for function in example["FUNCTIONS"]]
    assert len(set(texts)) == len(texts) == 10
    assert all("def " in text for text in texts)


def test_code_is_explained_and_coded_again_by_the_example(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "code_loop.py"), "--functions", "1", "--length", "2"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert read(tmp_path / "code-loop.html").count("<html") == 1
    with open_record(tmp_path / "code-loop.sqlite") as record:
        assert status_of_all(record) == [("completed", 1, 2)]


def test_the_citation_is_complete_and_names_this_version() -> None:
    citation = yaml.safe_load(read(ROOT / "CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["license"] == "MIT"
    assert citation["version"] == panic_tda.__version__
    assert citation["authors"] == [{"name": "The panic-tda authors"}]
    assert citation["title"]
    assert citation["message"]


def test_the_changelog_says_one_sentence_for_each_thing() -> None:
    entries = re.split(r"^- ", read(ROOT / "CHANGELOG.md").split("## [Unreleased]")[1], flags=re.MULTILINE)[1:]
    assert len(entries) > 10
    assert [entry for entry in entries if not entry.strip().endswith(".") or ". " in entry] == []


@pytest.mark.parametrize("path", [*PAGES, *EXAMPLES, ROOT / "CITATION.cff", *DOCS.glob("*.*ml"), *DOCS.glob("*.py")])
def test_there_are_no_machine_paths_and_no_notes_to_self(path: Path) -> None:
    assert re.findall(r"/(?:work|tmp|root|home)/\S*|\b(?:TODO|FIXME|XXX)\b|(?<![\w&])#\d+", read(path)) == []
