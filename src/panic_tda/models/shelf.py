"""What this machine adds to the catalogue: models added by hand, folders, pinned commits, consents.

All of it is one small JSON file, ``models.json`` in panic-tda's cache folder, written by ``panic-tda model add`` and
``panic-tda model download``. Folders named in the settings (``[weights]``) win over those named here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from panic_tda.errors import ConfigurationError
from panic_tda.models.files import cache_folder, opened_whole


@dataclass(frozen=True, slots=True)
class Pin:
    """What was fetched: the commit, and the SHA-256 of the content."""

    repository: str
    commit: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Added:
    """A model added by hand: its family, its folder, file or address, and facts for the family's code."""

    family: str
    path: str
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The content of the file.

    ``folders`` and ``options`` are for models of the catalogue; ``trusted`` maps names to identities.
    """

    added: Mapping[str, Added] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, Pin] = field(default_factory=dict)
    trusted: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, str | int | float | bool]] = field(default_factory=dict)

    def with_added(self, name: str, entry: Added) -> Shelf:
        """A copy with one more model."""
        return replace(self, added={**self.added, name: entry})

    def with_folder(self, name: str, folder: str) -> Shelf:
        """A copy where a model of the catalogue is found in a folder."""
        return replace(self, folders={**self.folders, name: folder})

    def with_options(self, name: str, options: Mapping[str, str | int | float | bool]) -> Shelf:
        """A copy where these options of a model of the catalogue are other ones."""
        return replace(self, options={**self.options, name: {**self.options.get(name, {}), **options}})

    def with_pin(self, name: str, pin: Pin) -> Shelf:
        """A copy where a model is pinned to what was fetched."""
        return replace(self, pins={**self.pins, name: pin})

    def with_trust(self, name: str, identity: str) -> Shelf:
        """A copy where the Python code that comes with a model may run, as long as its identity stays this one."""
        return replace(self, trusted={**self.trusted, name: identity})


def shelf_file() -> Path:
    """Where the file is."""
    return cache_folder() / "models.json"


def read_shelf() -> Shelf:
    """What the file holds; an empty shelf where there is none. Raises ``ConfigurationError``."""
    path = shelf_file()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Shelf(
            added={name: Added(**entry) for name, entry in content.get("added", {}).items()},
            folders=dict(content.get("folders", {})),
            pins={name: Pin(**entry) for name, entry in content.get("pins", {}).items()},
            trusted=dict(content.get("trusted", {})),
            options={name: dict(chosen) for name, chosen in content.get("options", {}).items()},
        )
    except FileNotFoundError:
        return Shelf()
    except (OSError, ValueError, TypeError, AttributeError) as fault:
        raise ConfigurationError([f"{path} cannot be read: {fault}"], hint="mend or remove the file") from None


def write_shelf(shelf: Shelf) -> None:
    """Replaces the file."""
    with opened_whole(shelf_file()) as opened:
        opened.write((json.dumps(asdict(shelf), indent=2, sort_keys=True) + "\n").encode())
