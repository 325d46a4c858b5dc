"""Experiments measured by versions of an embedder: what an alias meant at the start is what it means for ever."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from panic_tda.errors import ConfigurationError, NotFound
from panic_tda.lab.laboratory import extend, load_config, perform
from panic_tda.lab.perform import load
from panic_tda.models.versions.changing import add_version, promote, rollback
from panic_tda.store.database import Record
from panic_tda.store.experiments import find_experiment
from panic_tda.store.tables import embeddings, model_versions
from panic_tda.store.vectors import embedder_version
from support.checkpoints import Twins, require_libraries, twins
from support.tuning import NAME, tiny_embedder

require_libraries()

__all__ = ["twins"]

CONFIG = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple"],
    "seeds": [7],
    "embedding_models": [f"{NAME}@champion"],
    "max_length": 6,
    "stages": {"diagrams": False},
}


@pytest.fixture(autouse=True)
def two_versions(twins: Twins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions of a tiny embedder; the first is the champion."""
    spec = tiny_embedder(twins, tmp_path / "cache", monkeypatch)
    assert spec.repository is not None
    source = Path(spec.repository.folder)

    def write(folder: Path) -> None:
        shutil.copytree(source, folder, dirs_exist_ok=True)

    for number in ("1", "2"):
        add_version(NAME, write, {"seed": number}, made_of=number, accepted=True)
    rollback(NAME)


def measured_by(record: Record) -> set[str]:
    """The names of the embedders that made vectors."""
    with record.reading() as connection:
        joined = sa.select(model_versions.c.name).join(embeddings, embeddings.c.model_version_id == model_versions.c.id)
        return set(connection.execute(joined).scalars())


def test_an_experiment_keeps_the_version_it_was_started_with_across_a_promotion(sqlite_record: Record) -> None:
    outcome = perform(sqlite_record, load_config(CONFIG))
    assert outcome.status == "completed"
    assert measured_by(sqlite_record) == {f"{NAME}@1"}
    with sqlite_record.reading() as connection:
        pins = find_experiment(connection, outcome.id).model_versions
    assert f"{NAME}@1" in pins

    promote(NAME, 2)
    assert [spec.name for spec in load(sqlite_record, outcome.id)[1].embedders] == [f"{NAME}@1"]
    assert extend(sqlite_record, outcome.id, max_length=10).status == "completed"
    assert measured_by(sqlite_record) == {f"{NAME}@1"}
    with sqlite_record.reading() as connection:
        assert find_experiment(connection, outcome.id).model_versions == pins

    assert perform(sqlite_record, load_config(CONFIG)).status == "completed"
    assert measured_by(sqlite_record) == {f"{NAME}@1", f"{NAME}@2"}


def test_a_version_and_the_alias_that_means_it_are_the_same_embedder() -> None:
    with pytest.raises(ConfigurationError, match=r"embedding_models\[1\]: is the same as embedding_models\[0\]"):
        load_config({**CONFIG, "embedding_models": [f"{NAME}@1", f"{NAME}@champion"]})
    assert load_config({**CONFIG, "embedding_models": [NAME, f"{NAME}@champion", f"{NAME}@2"]}).count_runs() == 1
    with pytest.raises(ConfigurationError, match=f"unknown model '{NAME}@3'"):
        load_config({**CONFIG, "embedding_models": [f"{NAME}@3"]})


def test_vectors_are_found_by_the_name_of_their_version(sqlite_record: Record) -> None:
    perform(sqlite_record, load_config(CONFIG))
    with sqlite_record.reading() as connection:
        found = embedder_version(connection, f"{NAME}@1")
        assert embedder_version(connection, f"{found.name}@{found.version}") == found
        with pytest.raises(NotFound):
            embedder_version(connection, NAME)
