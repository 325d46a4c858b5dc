"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from panic_tda.errors import naming_the_file
from panic_tda.fault_points import reach


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A place beside ``path``, with the same name, to write to.

    What is written there replaces ``path`` when the block ends well; on any error or interruption it goes away and
    ``path`` stays as it was. Missing folders are made. Raises ``NotWritten`` when the machine refuses.
    """
    with naming_the_file(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            aside = Path(folder) / path.name
            yield aside
            reach("during the export rename")
            aside.replace(path)
