from __future__ import annotations

from pathlib import Path

import pytest

from panic_tda.errors import NotFound, RequestError
from panic_tda.store.database import Record
from panic_tda.training.config import checked_selection
from panic_tda.training.corpus import gather
from panic_tda.training.pairs import Pair
from panic_tda.training.trajectories import trajectory_pairs
from support.laboratory import fakes, performed

__all__ = ["fakes"]

CONFIG = {
    "networks": [["Painter", "Reader"], ["Echo"]],
    "prompts": ["one", "two"],
    "seeds": [1, 2],
    "embedding_models": ["Ruler"],
    "max_length": 6,
    "stages": {"diagrams": False},
    "twins": {"noise": {"count": 1}},
}


def chains(pairs: list[Pair]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.source, []).append(pair)
    return found


@pytest.mark.usefixtures("fakes")
def test_texts_of_one_run_are_paired_so_many_texts_apart_and_twins_are_left_out(sqlite_record: Record) -> None:
    outcome = performed(sqlite_record, CONFIG)
    near = trajectory_pairs(sqlite_record, [outcome.id], 1)
    runs = chains(near.pairs)
    # Each run of Painter and Reader has 3 texts among its 6 outputs, each run of Echo 6.
    assert sorted(map(len, runs.values())) == [2, 2, 2, 2, 5, 5, 5, 5]
    for pairs in runs.values():
        assert [pair.positive for pair in pairs[:-1]] == [pair.anchor for pair in pairs[1:]]
    far = chains(trajectory_pairs(sqlite_record, ["latest"], 2).pairs)
    for source, pairs in far.items():
        assert [pair.anchor for pair in pairs] == [pair.anchor for pair in runs[source][:-1]]
        assert [pair.positive for pair in pairs] == [pair.positive for pair in runs[source][1:]]
    assert trajectory_pairs(sqlite_record, [outcome.id], 3).skipped == {"run too short": 4}


@pytest.mark.usefixtures("fakes")
def test_sources_are_the_same_in_every_database(sqlite_record: Record, tmp_path: Path) -> None:
    from panic_tda.store.database import open_record

    outcome = performed(sqlite_record, CONFIG)
    with open_record(tmp_path / "other.sqlite") as other:
        performed(other, CONFIG)
        assert trajectory_pairs(other, ["latest"], 1) == trajectory_pairs(sqlite_record, [outcome.id], 1)
        with pytest.raises(NotFound):
            trajectory_pairs(other, ["nobody"], 1)


def test_without_a_record_pairs_of_trajectories_are_a_wrong_request() -> None:
    corpus = {"trajectories": {"experiments": ["latest"]}}
    with pytest.raises(RequestError, match="pairs from trajectories need a record"):
        gather(checked_selection({"corpus": corpus}, folder=Path()))
