"""What is imported before anything is done: a shell completes and prints help without waiting for libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ["torch", "onnxruntime", "polars", "scipy", "numpy", "sqlalchemy", "alembic", "pydantic", "yaml", "PIL"]
HEAVY += ["matplotlib", "gudhi", "tokenizers", "rapidocr", "xllamacpp"]


def imported_by(code: str) -> set[str]:
    program = f"import contextlib, io, json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def command(*words: str) -> str:
    return f"""
from panic_tda.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main({words!r})
"""


@pytest.mark.parametrize("code", ["import panic_tda; dir(panic_tda)", command("--help"), command("--version")])
def test_import_and_help_load_no_library(code: str) -> None:
    assert imported_by(code).isdisjoint(HEAVY)


@pytest.mark.parametrize("words", [("experiment", "perform", "--help"), ("model", "list"), ("config", "schema")])
def test_what_needs_no_model_and_no_database_loads_neither(words: tuple[str, ...]) -> None:
    # Typer reads the types of options with pydantic where that is installed, so pydantic is not asked for here.
    assert imported_by(command(*words)).isdisjoint(
        {"torch", "onnxruntime", "polars", "scipy", "sqlalchemy", "matplotlib", "gudhi", "rapidocr", "xllamacpp"}
    )
