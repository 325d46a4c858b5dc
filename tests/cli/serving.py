"""``panic-tda serve`` as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ALONE = [sys.executable, "-c", "from panic_tda.cli import main; main()"]


@contextmanager
def served(folder: Path, *words: str, **environment: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """What it says of itself, and the process, which is ended at the latest after the block."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PANIC_TDA_")}
    command = [*ALONE, "--json", "serve", "--port", "0", *words]
    with subprocess.Popen(
        command, cwd=folder, env=clean | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline() + process.stdout.readline() + process.stdout.readline()
            yield json.loads(said + process.stdout.readline()), process
        finally:
            process.kill()
