"""What is imported before anything is done: a shell completes and prints help without waiting for libraries."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import pytest

from cli.command_line import CommandLine
from panic_tda.cli.commands import FILES

HEAVY = ["torch", "onnxruntime", "polars", "scipy", "numpy", "sqlalchemy", "alembic", "pydantic", "yaml", "PIL"]
HEAVY += ["matplotlib", "gudhi", "tokenizers", "rapidocr", "xllamacpp", "httpx2"]


def imported_by(code: str) -> set[str]:
    program = f"import contextlib, io, json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def command_code(*words: str) -> str:
    return f"""
from panic_tda.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main({words!r})
"""


@pytest.mark.parametrize(
    "code", ["import panic_tda; dir(panic_tda)", command_code("--help"), command_code("--version")]
)
def test_import_and_help_load_no_library(code: str) -> None:
    assert imported_by(code).isdisjoint(HEAVY)


@pytest.mark.parametrize("words", [("experiment", "perform", "--help"), ("model", "list"), ("config", "schema")])
def test_what_needs_no_model_and_no_database_loads_neither(words: tuple[str, ...]) -> None:
    # Typer reads the types of options with pydantic where that is installed, so pydantic is not asked for here.
    assert imported_by(command_code(*words)).isdisjoint(
        {"torch", "onnxruntime", "polars", "scipy", "sqlalchemy", "matplotlib", "gudhi", "rapidocr", "xllamacpp"}
    )


@pytest.mark.parametrize(
    "words", [("experiment", "list"), ("experiment", "show", "latest"), ("run", "list"), ("program", "list")]
)
def test_looking_at_a_record_loads_what_reads_it_and_nothing_else(
    command: CommandLine, experiment_id: str, words: tuple[str, ...]
) -> None:
    others = {f"panic_tda.cli.{file}" for name, file in FILES.items() if name != words[0]}
    found = imported_by(command_code(*words))
    assert "sqlalchemy" in found
    assert found.isdisjoint({*HEAVY, "rich"} - {"sqlalchemy", "pydantic"} | others)


def test_a_command_that_has_the_process_to_itself_seldom_looks_for_garbage() -> None:
    program = """
import contextlib, gc, sys
from panic_tda.cli import main
sys.argv = ["panic-tda", "--version"]
with contextlib.suppress(SystemExit):
    main()
print(gc.get_threshold()[0], gc.isenabled())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    threshold, enabled = done.stdout.splitlines()[-1].split()
    assert int(threshold) >= 10_000
    assert enabled == "True"


def test_a_command_called_by_another_program_leaves_its_garbage_collector_alone(command: CommandLine) -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    assert command("--version").code == 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
