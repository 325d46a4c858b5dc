"""Schemathesis against the OpenAPI document of a server of our own.

    python tests/server/fuzzing.py [--examples 100]

Beside a request for each bound and each type of the document there are so many random ones for each route. Prints what
schemathesis says; 1 when an answer was a fault of the server, or not as the document says.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from panic_tda.settings import Settings
from support.servers import BEARER, Running, running

PROGRAM = {"name": "Caption", "signature": "text -> caption", "strategy": "pipeline", "model": ["DummyT2I", "DummyI2T"]}
EXPERIMENT = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple"],
    "seeds": [1],
    "embedding_models": ["DummyText"],
    "max_length": 4,
}
UNPROMISED = "positive_data_acceptance"
"""A document cannot say everything that makes a request wrong: names and parameters are those of the catalogue."""


def furnish(server: Running) -> None:
    """A program and an experiment, whose names the requests use."""
    for path, body in (("/programs", PROGRAM), ("/experiments", EXPERIMENT)):
        server.post(path, body, headers=BEARER).raise_for_status()


def schemathesis(server: Running, examples: int, phases: str = "fuzzing") -> subprocess.CompletedProcess[str]:
    """A run, with the same requests each time."""
    options: dict[str, Any] = {
        "--header": f"Authorization: {BEARER['Authorization']}",
        "--max-examples": str(examples),
        "--phases": phases,
        "--request-timeout": "120",
        "--exclude-checks": UNPROMISED,
        "--warnings": "off",
    }
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
    command += ["--continue-on-failure", "--generation-deterministic", "--no-color"]
    command += [part for option in options.items() for part in option]
    path = os.pathsep.join(str(Path(place).resolve()) for place in sys.path)
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "support.fuzz_hooks", "PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as folder:  # it remembers things in the folder it is started from
        return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def main() -> int:
    """Runs it against a new server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=100, help="random requests for each route")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(db=f"{folder}/record.sqlite", executor="inprocess", threads=1)
        with running(settings) as server:
            furnish(server)
            done = schemathesis(server, asked.examples, "coverage,fuzzing")
            faults = [line for line in server.log if "fault" in line]
    print(done.stdout, done.stderr, *(line["fault"] for line in faults), sep="\n")
    return done.returncode or bool(faults)


if __name__ == "__main__":
    sys.exit(main())
