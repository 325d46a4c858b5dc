"""What every command gets: the global options, the settings, and the record they point to."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from panic_tda.cli.output import message

if TYPE_CHECKING:
    from panic_tda.settings import Settings
    from panic_tda.store.database import Record


@dataclass(frozen=True, slots=True)
class Context:
    """The global options of one command."""

    db: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    config: Path | None = None

    @property
    def program(self) -> str:
        """How a command that works on the same database begins, for advice that can be pasted."""
        given = {"--db": self.db, "--config": self.config}
        options = [f"{option} {shlex.quote(str(value))}" for option, value in given.items() if value]
        return " ".join(["panic-tda", *options])

    def say(self, text: str) -> None:
        """One line on stderr, unless quiet."""
        if not self.quiet:
            message(text)

    def settings(self, **flags: Any) -> Settings:
        """File, then environment, then ``--db`` and the command's own flags (None means: not given)."""
        from panic_tda.settings import load_settings

        return load_settings(self.config).updated({"db": self.db, **flags})

    def record(self, *, create: bool = False) -> Record:
        """Opens the database the settings name."""
        from panic_tda.store.database import open_record

        return open_record(self.settings().db, create=create)

    @contextmanager
    def record_to_consult(self) -> Iterator[Record]:
        """The database the settings name; where there is none yet, an empty one for the time being."""
        from tempfile import TemporaryDirectory

        from panic_tda.store.database import open_record

        location = self.settings().db
        with (
            TemporaryDirectory() as folder,
            open_record(location if self.has_record else Path(folder) / "empty.sqlite") as record,
        ):
            yield record

    @property
    def has_record(self) -> bool:
        """Whether the database the settings name is there; of one on a server that is taken for granted."""
        location = self.settings().db
        return "://" in location or Path(location).exists()
