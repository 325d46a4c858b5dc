"""A file is there when it is whole, and otherwise it is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from panic_tda.figures.whole_file import written_whole


def test_a_file_appears_with_its_folder_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.png"
    with written_whole(path) as aside:
        aside.write_text("half", encoding="utf-8")
        assert not path.exists()
        assert aside.name == path.name
    assert path.read_text(encoding="utf-8") == "half"
    assert list(path.parent.iterdir()) == [path]


def fail_half_way(path: Path, fault: type[BaseException]) -> None:
    with written_whole(path) as aside:
        aside.write_text("half", encoding="utf-8")
        raise fault


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_what_was_there_stays_when_the_block_fails(tmp_path: Path, fault: type[BaseException]) -> None:
    path = tmp_path / "a.png"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(fault):
        fail_half_way(path, fault)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_can_be_read_by_whom_the_mask_lets(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with written_whole(tmp_path / "a") as aside:
        aside.touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode
