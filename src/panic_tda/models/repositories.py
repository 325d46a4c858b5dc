"""Weights that are whole folders: published repositories in the hub's cache, and folders on this machine.

Looking for them reads the disk and nothing else: no library is imported and no address is asked. The layout is the
one that ``huggingface_hub`` keeps (``HF_HUB_CACHE``, else ``HF_HOME/hub``); only safetensors (and GGUF) are weights.

A folder is identified by the commit it was fetched at or, where there is none, by a SHA-256 over the names and the
contents of its files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from panic_tda.errors import ModelLoadError, PrerequisiteError
from panic_tda.models.hashing import remembered_sha256

ABSENT = "absent"
"""Identity of a repository that is not on this machine."""

EMBEDDER_FILE = "embedder.json"
"""What describes a folder that ``model export-onnx`` wrote."""

_LEFT_OUT = (".md", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".gitattributes", ".lock", ".metadata")


@dataclass(frozen=True, slots=True)
class Repository:
    """A published folder of weights, and where it lies here.

    ``id`` is empty for a folder that only exists here. ``revision`` is the commit that is wanted; where it is empty,
    none is known and ``model download`` pins what it fetched. ``variant`` is the infix of the weights files
    (``fp16``), ``subset`` limits what is fetched to these patterns. ``remote_code`` says that the repository brings
    Python code of its own, which runs only after an explicit consent. ``folder``, ``commit`` and ``sha256`` (the
    content's, once pinned) are filled in by the catalogue.
    """

    id: str
    revision: str = ""
    variant: str = ""
    subset: tuple[str, ...] = ()
    remote_code: bool = False
    folder: str = ""
    commit: str = ""
    sha256: str = ""
    trusted: str = ""

    @property
    def address(self) -> str:
        """Where people read about it."""
        return f"https://huggingface.co/{self.id}" if self.id else self.folder


def hub_cache() -> Path:
    """``$HF_HUB_CACHE``, else ``$HF_HOME/hub``, else ``$XDG_CACHE_HOME/huggingface/hub``, else ``~/.cache/…``."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(home).expanduser() if home else caches / "huggingface") / "hub"


def hub_snapshot(repository: str, revision: str) -> tuple[Path, str] | None:
    """The folder and the commit of a repository in the hub's cache; without a revision, of its main branch."""
    home = hub_cache() / f"models--{repository.replace('/', '--')}"
    commit = revision
    if not revision:
        try:
            commit = (home / "refs" / "main").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
    folder = home / "snapshots" / commit
    return (folder, commit) if commit and folder.is_dir() else None


def identity(repository: Repository) -> str:
    """The commit, or the SHA-256 of the content, or ``absent``."""
    if not repository.folder or not Path(repository.folder).exists():
        return ABSENT
    return repository.commit or content_sha256(Path(repository.folder))


def require_folder(repository: Repository, *, model: str) -> Path:
    """The folder once it was found whole and, if pinned, unchanged.

    Raises ``PrerequisiteError`` when it is not on this machine or not complete, ``ModelLoadError`` when it is another
    one than was pinned.
    """
    folder = Path(repository.folder) if repository.folder else None
    if folder is None:
        raise PrerequisiteError(
            f"{model}: the weights of {repository.id} are not on this machine", hint=_how_to_get(repository, model)
        )
    if not folder.exists():
        raise PrerequisiteError(f"{model}: {folder} does not exist", hint=_how_to_get(repository, model))
    if fault := incompleteness(folder):
        raise PrerequisiteError(f"{model}: {folder} {fault}", hint=_how_to_get(repository, model))
    if repository.sha256 and content_sha256(folder) != repository.sha256:
        raise ModelLoadError(
            f"{model}: {folder} has changed since it was pinned (SHA-256 is not {repository.sha256[:12]}…)",
            hint=f"panic-tda model download {model} --again"
            if repository.id
            else "panic-tda version list shows others",
        )
    _check_consent(repository, model)
    return folder


def incompleteness(path: Path) -> str | None:
    """What a folder lacks to be loaded, or None."""
    if path.is_file():
        return None if path.suffix == ".gguf" else "is a file, and not one of the GGUF format"
    for index in path.rglob("*.safetensors.index.json"):
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError):
            return f"has a damaged {index.relative_to(path)}"
        if missing := sorted(shard for shard in shards if not (index.parent / shard).is_file()):
            return f"lacks {len(missing)} of {len(shards)} shards, for instance {missing[0]}"
    if (path / EMBEDDER_FILE).is_file():
        return None
    return None if any(path.rglob("*.safetensors")) else "holds no safetensors"


def content_sha256(path: Path) -> str:
    """SHA-256 over name and SHA-256 of each file that may be read when the folder is loaded, in order of names."""
    if path.is_file():
        return remembered_sha256(path)
    digest = hashlib.sha256()
    for file in content_files(path):
        digest.update(f"{file.relative_to(path).as_posix()}\0{remembered_sha256(file)}\n".encode())
    return digest.hexdigest()


def content_files(folder: Path) -> list[Path]:
    """The files of a folder that count, in order of names; hidden ones, pictures and pages about it do not."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() not in _LEFT_OUT)
    return sorted(path for path in found if not _is_hidden(path.relative_to(folder)))


def brings_code(path: Path) -> bool:
    """Whether a setting of the folder names Python code that would have to run."""
    return any(_names_code(file) for file in path.rglob("*.json")) if path.is_dir() else False


def parameter_count(path: Path, variant: str = "") -> int:
    """How many numbers the safetensors of a folder hold, read from their headers."""
    return sum(_numbers(file) for file in _weights_files(path, variant))


def library_versions(packages: Sequence[str]) -> tuple[str, ...]:
    """``torch-2.13.0`` and so on, for the packages that are installed."""
    found = ((package, _version(package)) for package in packages)
    return tuple(f"{package}-{version}" for package, version in found if version)


def _weights_files(path: Path, variant: str) -> Iterator[Path]:
    """The files of the variant where there are some, else those without one; each folder by itself."""
    folders: dict[Path, list[Path]] = {}
    for file in sorted(path.rglob("*.safetensors")):
        folders.setdefault(file.parent, []).append(file)
    for files in folders.values():
        wanted = [file for file in files if variant and f".{variant}" in file.name]
        yield from wanted or [file for file in files if ".fp16" not in file.name] or files


def _numbers(file: Path) -> int:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > 100_000_000:
            return file.stat().st_size // 2
        try:
            header = json.loads(opened.read(length))
        except ValueError:
            return file.stat().st_size // 2
    shapes = (tensor["shape"] for name, tensor in header.items() if name != "__metadata__")
    total = 0
    for shape in shapes:
        count = 1
        for side in shape:
            count *= side
        total += count
    return total


def _names_code(file: Path) -> bool:
    if file.name not in ("config.json", "modules.json"):
        return False
    text = file.read_text(encoding="utf-8", errors="replace")
    return '"auto_map"' in text or '"custom_st.' in text


def _check_consent(repository: Repository, model: str) -> None:
    wanted = repository.remote_code and brings_code(Path(repository.folder))
    if wanted and repository.trusted != identity(repository):
        changed = " and has changed since you consented" if repository.trusted else ""
        raise PrerequisiteError(
            f"{model}: {repository.address} brings Python code of its own{changed}; it runs only with your consent",
            hint=f"read it in {repository.folder}, then: panic-tda model download {model} --trust-remote-code",
        )


def _how_to_get(repository: Repository, model: str) -> str:
    if not repository.id:
        return f"panic-tda model add {model} --from PATH --family FAMILY"
    return f"panic-tda model download {model}, or name a folder: panic-tda model add {model} --from PATH"


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


@cache
def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package.replace("_", "-"))
    except metadata.PackageNotFoundError:
        return None
