from __future__ import annotations

from pathlib import Path

import pytest

from panic_tda.errors import NotFound, RequestError, UnknownModel
from panic_tda.models.catalogue import find
from panic_tda.models.versions.changing import add_version
from panic_tda.services.versions import Champion, promote, rollback, versions
from support.checkpoints import Twins, require_libraries, twins
from support.tuning import NAME, altered, tiny_embedder

require_libraries()

__all__ = ["twins"]


@pytest.fixture
def source(twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny embedder on the shelf."""
    spec = tiny_embedder(twins, tmp_path / "cache", monkeypatch)
    assert spec.repository is not None
    return Path(spec.repository.folder)


def put(source: Path, places: int, *, accepted: bool = True) -> int:
    return add_version(NAME, altered(source, places), {"seed": 0}, made_of=str(places), accepted=accepted).number


def test_without_a_number_the_newest_accepted_version_is_promoted_and_can_be_taken_back(source: Path) -> None:
    first, second, rejected = put(source, 1), put(source, 2), put(source, 3, accepted=False)
    assert rollback(NAME) == Champion(NAME, first, second)
    assert promote(NAME) == Champion(NAME, second, first)
    assert promote(NAME) == Champion(NAME, second, second)
    assert promote(NAME, 0) == Champion(NAME, 0, second)
    assert rollback(NAME) == Champion(NAME, second, 0)
    assert [(each["version"], each["status"], each["champion"]) for each in versions(NAME)] == [
        (first, "accepted", False),
        (second, "accepted", True),
        (rejected, "rejected", False),
    ]
    assert find(f"{NAME}@champion").version == find(f"{NAME}@{second}").version


def test_what_the_gate_rejected_is_promoted_by_force_only(source: Path) -> None:
    rejected = put(source, 1, accepted=False)
    with pytest.raises(RequestError, match=f"the gate rejected {NAME}@{rejected}"):
        promote(NAME, rejected)
    assert promote(NAME, rejected, force=True).champion == rejected


def test_names_that_are_none_of_an_embedder_are_refused(source: Path) -> None:
    put(source, 1)
    with pytest.raises(NotFound):
        promote(NAME, 7)
    for ask in (versions, promote, rollback):
        with pytest.raises(RequestError, match=f"name the embedder alone: {NAME}"):
            ask(f"{NAME}@1")
        with pytest.raises(UnknownModel):
            ask("Nobody")
    assert [each["name"] for each in versions()] == [NAME]
