"""The register: which versions there are, what the gate said of them, and which one each alias points to."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from panic_tda.errors import ConfigurationError, NotFound
from panic_tda.models.files import cache_folder, write_whole

CHAMPION = "champion"
"""The alias that moves."""

ACCEPTED, REJECTED = "accepted", "rejected"


@dataclass(frozen=True, slots=True)
class Version:
    """One version. ``sha256`` is of the whole folder, ``made_of`` of the corpus, the parameters and the base."""

    number: int
    status: str
    sha256: str
    made_of: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Line:
    """The versions of one model, and those its champion has been, the present one last; 0 is the base."""

    versions: tuple[Version, ...] = ()
    champions: tuple[int, ...] = (0,)

    @property
    def champion(self) -> int:
        """The version that ``NAME@champion`` means."""
        return self.champions[-1]

    def find(self, number: int) -> Version | None:
        """The version of that number, if there is one."""
        return next((version for version in self.versions if version.number == number), None)


def register_file() -> Path:
    """Where the register is."""
    return cache_folder() / "versions.json"


def read_register() -> dict[str, Line]:
    """Every model that has versions, by name; raises ``ConfigurationError`` when the file is damaged."""
    path = register_file()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: Line(tuple(Version(**each) for each in line["versions"]), tuple(line["champions"]) or (0,))
            for name, line in content.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as fault:
        hint = "mend or remove the file; the folders of the versions stay"
        raise ConfigurationError([f"{path} cannot be read: {fault}"], hint=hint) from None


def line_of(name: str) -> Line:
    """The versions of a model; an empty line for one that has none."""
    return read_register().get(name, Line())


def require_version(name: str, number: int) -> Version:
    """The version of that number; raises ``NotFound``."""
    line = line_of(name)
    if (version := line.find(number)) is None:
        numbers = ", ".join(f"{name}@{each.number}" for each in line.versions) or "it has none"
        raise NotFound(f"there is no {name}@{number}", hint=f"the versions of {name}: {numbers}")
    return version


def version_folder(name: str, number: int) -> Path:
    """Where a version's files are."""
    return versions_folder(name) / str(number)


def versions_folder(name: str) -> Path:
    """Where a model's versions are, and what is being made."""
    return cache_folder() / "versions" / name


def lock_file() -> Path:
    """What the process that tunes holds."""
    return cache_folder() / "versions" / ".training.lock"


def with_version(line: Line, version: Version) -> Line:
    """A copy with one more version."""
    return replace(line, versions=(*line.versions, version))


def write_line(name: str, line: Line) -> None:
    """Replaces what the register says of one model; call it inside :func:`changing`."""
    lines: Mapping[str, Line] = read_register() | {name: line}
    content = {each: asdict(lines[each]) for each in sorted(lines)}
    write_whole(register_file(), json.dumps(content, indent=2) + "\n")


@contextmanager
def changing(name: str) -> Iterator[Line]:
    """The versions of a model, which nobody else changes while the block lasts, in this process or another."""
    path = cache_folder() / "versions.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield line_of(name)
