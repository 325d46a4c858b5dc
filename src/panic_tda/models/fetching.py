"""Fetching repositories of weights ahead of time, and pinning what was fetched.

This is the only place that asks the hub for anything, and only when told to. ``huggingface_hub`` does the work, so
``HF_HOME``, ``HF_TOKEN``, ``HF_ENDPOINT`` and ``HF_HUB_OFFLINE`` mean what they mean elsewhere.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from panic_tda.errors import PrerequisiteError, first_line
from panic_tda.models.model import ModelSpec
from panic_tda.models.repositories import Repository, content_sha256, identity, incompleteness
from panic_tda.models.shelf import Pin, read_shelf, write_shelf

_LICENCES = ("LICENSE*", "LICENCE*", "license*")


def is_here(spec: ModelSpec) -> bool:
    """Whether a model's repository is on this machine, whole."""
    folder = Path(spec.repository.folder) if spec.repository and spec.repository.folder else None
    return folder is not None and folder.exists() and incompleteness(folder) is None


def terms(spec: ModelSpec) -> str:
    """One line on what a user should know before using the weights; empty when there is nothing special."""
    said = []
    if spec.non_commercial:
        said.append("not for commercial use")
    if spec.gated:
        said.append("gated: accept its licence on its page and set HF_TOKEN")
    if spec.repository and spec.repository.remote_code:
        said.append("brings Python code of its own, which runs only after --trust-remote-code")
    return f"{spec.name}: {spec.licence} ({'; '.join(said)}), {spec.source}" if said else ""


def consent(spec: ModelSpec) -> None:
    """Lets the Python code that a model brings run, as long as nothing of the model changes."""
    assert spec.repository is not None
    write_shelf(read_shelf().with_trust(spec.name, identity(spec.repository)))


def fetch(spec: ModelSpec, *, report: Callable[[str], None], again: bool = False) -> Path:
    """Fetches the repository, pins the commit and the content, and returns the folder.

    What is here already is left as it is, unless ``again``. Raises ``PrerequisiteError``.
    """
    repository = spec.repository
    assert repository is not None
    if not repository.id or (is_here(spec) and not again):
        return _here(spec, repository)
    folder, commit = _fetched(spec, repository, report)
    if fault := incompleteness(folder):
        raise PrerequisiteError(f"{spec.name}: {folder} {fault}", hint="try again: what is there is kept")
    report(f"{spec.name}: pinned to {commit[:12]}")
    write_shelf(read_shelf().with_pin(spec.name, Pin(repository.id, commit, content_sha256(folder))))
    return folder


def wanted_files(files: Sequence[str], repository: Repository) -> list[str]:
    """Those files of a repository that are loaded: safetensors of one variant, and what describes them.

    Beside a ``model_index.json`` the safetensors at the top are the same weights once more, in one piece.
    """
    kept = [name for name in files if any(fnmatch.fnmatch(name, each) for each in (*repository.subset, *_LICENCES))]
    weights = [name for name in kept if name.endswith((".safetensors", ".safetensors.index.json"))]
    spare = {name for name in weights if "model_index.json" in files and "/" not in name}
    for parent in {name.rpartition("/")[0] for name in weights}:
        mine = [name for name in weights if name.rpartition("/")[0] == parent]
        chosen = [name for name in mine if repository.variant and f".{repository.variant}" in name]
        chosen = chosen or [name for name in mine if ".fp16" not in name] or mine
        spare |= set(mine) - set(chosen)
    return [name for name in kept if name not in spare]


def _here(spec: ModelSpec, repository: Repository) -> Path:
    if not is_here(spec):
        raise PrerequisiteError(
            f"{spec.name}: {repository.folder} is not there, and comes from nowhere else",
            hint=f"panic-tda model add {spec.name} --from PATH",
        )
    return Path(repository.folder)


def _fetched(spec: ModelSpec, repository: Repository, report: Callable[[str], None]) -> tuple[Path, str]:
    if find_spec("huggingface_hub") is None:
        raise PrerequisiteError(f"{spec.name}: huggingface_hub is not installed", hint="pip install 'panic-tda[torch]'")
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        about = HfApi().model_info(repository.id, revision=repository.revision or None, files_metadata=True)
        sizes = {each.rfilename: each.size or 0 for each in about.siblings or ()}
        files = wanted_files(list(sizes), repository)
        total = sum(sizes[name] for name in files)
        report(f"{spec.name}: fetching {repository.id}, {len(files)} files ({total / 1e9:.2f} GB)")
        commit = str(about.sha)
        folder = snapshot_download(repository.id, revision=commit, allow_patterns=files)
    except GatedRepoError as fault:
        hint = f"accept the licence on {repository.address} and set HF_TOKEN"
        raise PrerequisiteError(f"{spec.name}: {repository.id} is gated", hint=hint) from fault
    except RepositoryNotFoundError as fault:
        hint = "it may have moved, or need HF_TOKEN"
        raise PrerequisiteError(f"{spec.name}: the hub knows no {repository.id}", hint=hint) from fault
    except (OfflineModeIsEnabled, HfHubHTTPError, OSError) as fault:
        line = first_line(fault, instead=type(fault).__name__, most=200)
        raise PrerequisiteError(
            f"{spec.name}: {repository.id} could not be fetched: {line}",
            hint=f"on a machine with a network: panic-tda model download {spec.name}",
        ) from fault
    return Path(folder), commit


def is_offline() -> bool:
    """Whether ``HF_HUB_OFFLINE`` says that nothing may be fetched."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
