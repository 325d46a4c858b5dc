"""Adding a version, promoting one, and going back. Whatever happens in between, a version is there whole or not at all.

A version is written aside, every file of it is forced to the disk, and its folder renamed; then the register is
replaced in the same way. Before the register names it, it does not exist, and the next one to be added clears it away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from panic_tda.errors import ModelLoadError, RequestError, naming_the_file
from panic_tda.fault_points import reach
from panic_tda.models.repositories import content_sha256
from panic_tda.models.versions.manifest import damage, write_manifest
from panic_tda.models.versions.register import (
    ACCEPTED,
    REJECTED,
    Line,
    Version,
    changing,
    require_version,
    version_folder,
    versions_folder,
    with_version,
    write_line,
)


def add_version(
    name: str,
    write: Callable[[Path], None],
    facts: Mapping[str, Any],
    *,
    made_of: str,
    accepted: bool,
) -> Version:
    """Writes a version with ``write`` (into an empty folder), and makes it champion when it was accepted.

    The manifest holds ``name``, ``version``, ``parent`` (the champion until now), then ``facts``. Raises
    ``NotWritten``.
    """
    with changing(name) as line, naming_the_file(versions_folder(name)):
        _clear(name, line)
        number = max((each.number for each in line.versions), default=0) + 1
        aside = versions_folder(name) / f".part-{number}"
        aside.mkdir(parents=True)
        write(aside)
        parent = f"{name}@{line.champion}"
        write_manifest(aside, {"name": name, "version": number, "parent": parent, **facts})
        _to_disk(aside)
        reach("during the version rename")
        aside.rename(version_folder(name, number))
        _to_disk(versions_folder(name), inside=False)
        version = Version(
            number=number,
            status=ACCEPTED if accepted else REJECTED,
            sha256=content_sha256(version_folder(name, number)),
            made_of=made_of,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        longer = with_version(line, version)
        reach("before the version is registered")
        write_line(name, _with_champion(longer, number) if accepted else longer)
    return version


def promote(name: str, number: int, *, force: bool = False) -> Line:
    """Makes a version the champion, after every byte of it was checked.

    Raises ``NotFound``, ``RequestError`` for one the gate rejected (unless ``force``), and ``ModelLoadError`` for one
    that is damaged; the champion is then what it was.
    """
    with changing(name) as line:
        if number:
            version = require_version(name, number)
            if version.status == REJECTED and not force:
                hint = f"--force makes it champion all the same; see: panic-tda version list {name}"
                raise RequestError(f"the gate rejected {name}@{number}", hint=hint)
            check_version(name, number)
        if number == line.champion:
            return line
        changed = _with_champion(line, number)
        write_line(name, changed)
        return changed


def rollback(name: str) -> Line:
    """Makes the champion what it was before the last change; raises as :func:`promote` does, and when it never was
    another."""
    with changing(name) as line:
        if len(line.champions) < 2:
            raise RequestError(f"{name}@champion has never been another version than {name}@{line.champion}")
        if number := line.champions[-2]:
            check_version(name, number)
        changed = replace(line, champions=line.champions[:-1])
        write_line(name, changed)
        return changed


def check_version(name: str, number: int) -> None:
    """Reads every byte of a version; raises ``NotFound`` or ``ModelLoadError`` that names the damaged file."""
    version, folder = require_version(name, number), version_folder(name, number)
    fault = damage(folder) or (
        None if content_sha256(folder) == version.sha256 else "has changed since it was registered"
    )
    if fault:
        raise ModelLoadError(
            f"{name}@{number}: {folder}: {fault}",
            hint="the champion is what it was; promote another version, or tune again",
        )


def newest_accepted(name: str, line: Line) -> int:
    """The version with the highest number among those the gate accepted; raises ``RequestError`` for none."""
    numbers = [each.number for each in line.versions if each.status == ACCEPTED]
    if not numbers:
        raise RequestError(f"{name} has no accepted version", hint="panic-tda finetune run makes one")
    return max(numbers)


def _with_champion(line: Line, number: int) -> Line:
    return replace(line, champions=(*line.champions, number))


def _clear(name: str, line: Line) -> None:
    """Removes what a process that died left behind: folders that the register does not name."""
    known = {str(each.number) for each in line.versions}
    folder = versions_folder(name)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith(".part-") or (path.name.isdigit() and path.name not in known):
            shutil.rmtree(path)


def _to_disk(folder: Path, *, inside: bool = True) -> None:
    """Forces a folder, and with ``inside`` everything in it, to the disk."""
    for path in [*(folder.rglob("*") if inside else ()), folder]:
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
