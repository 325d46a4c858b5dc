from __future__ import annotations

from pathlib import Path

import pytest

from panic_tda.models.files import cache_folder, opened_whole, read_object


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PANIC_TDA_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/panic-tda"),
        ({"HOME": "/c"}, "/c/.cache/panic-tda"),
    ],
)
def test_where_the_cache_is(environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PANIC_TDA_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff", b'"word"'])
def test_what_holds_no_object_is_read_as_an_empty_one(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_bytes(content)
    assert read_object(path) == {}


def test_an_object_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "settings.json"
    with opened_whole(path) as opened:
        opened.write('{"name": "Zoë"}'.encode())
        assert read_object(path) == {}
    assert read_object(path) == {"name": "Zoë"}
    assert list(path.parent.iterdir()) == [path]


def test_a_file_stays_as_it_was_when_it_cannot_be_written_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"old": 1}')
    with pytest.raises(TypeError), opened_whole(path) as opened:
        opened.writelines([b'{"new"', 2])  # type: ignore[list-item]
    assert read_object(path) == {"old": 1}
