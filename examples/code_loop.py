# Code is explained, the explanation is coded, and so on: does the function survive, or does the loop forget it?
# Needs no GPU and no network beyond the weights of SmolLM2: python examples/code_loop.py
"""A loop over ten functions of Python's standard library: one language model explains, the same one writes code again.

Writes ``code-loop.sqlite`` and ``code-loop.html`` into the working folder.
"""

from __future__ import annotations

import argparse
import calendar
import colorsys
import difflib
import fnmatch
import heapq
import inspect
import sched
import shlex
import statistics
import string
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panic_tda
from panic_tda.cli import main as panic_tda_command

FUNCTIONS: tuple[Callable[..., Any], ...] = (
    calendar.leapdays,
    colorsys.rgb_to_yiq,
    difflib.get_close_matches,
    fnmatch.filter,
    heapq.merge,
    shlex.join,
    sched.scheduler.empty,
    statistics.median_low,
    string.capwords,
    textwrap.shorten,
)
EXPLAINER = {"model": "SmolLM2", "instruction": "Say in one sentence what this Python function does:", "max_tokens": 60}
CODER = {
    "model": "SmolLM2",
    "instruction": "Write a short Python function for this. Answer with code only:",
    "max_tokens": 120,
    "one_line": False,
}


def source(function: Callable[..., Any], longest: int = 1_200) -> str:
    """The function as it stands in the library, without its documentation, and not too long for a small model."""
    text = inspect.getsource(function)
    return text.replace(function.__doc__ or "\0", "")[:longest]


def experiment(functions: int, length: int) -> dict[str, Any]:
    """Each function is the beginning of one run; captions and code are measured alike."""
    return {
        "network": [EXPLAINER, CODER],
        "prompts": [source(function) for function in FUNCTIONS[:functions]],
        "seeds": [1],
        "embedding_models": ["MiniLM"],
        "max_length": length,
    }


def main() -> None:
    """Performs the experiment and writes its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=len(FUNCTIONS), help="how many functions")
    parser.add_argument("--length", type=int, default=8, help="steps of each run")
    given = parser.parse_args()
    with panic_tda.open_record("code-loop.sqlite") as record:
        config = panic_tda.load_config(experiment(given.functions, given.length))
        outcome = panic_tda.perform(record, config)
        steps = panic_tda.invocations(record, [outcome.id])
    for text in steps["text"].to_list()[: given.length]:
        print(f"{text}\n{'-' * 60}")
    Path("code-loop.html").unlink(missing_ok=True)
    command = ["--db", "code-loop.sqlite", "--quiet", "export", "report", outcome.id, "--out", "code-loop.html"]
    panic_tda_command(command)


if __name__ == "__main__":
    main()
