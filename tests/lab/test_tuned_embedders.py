"""Experiments measured by versions of an embedder: what an alias meant at the start is what it means for ever."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from panic_tda.answers.answering import analyse
from panic_tda.errors import ConfigurationError, NotFound, UnknownModel
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


def test_the_same_trajectories_are_measured_by_another_version_and_compared(sqlite_record: Record) -> None:
    base = {**CONFIG, "embedding_models": [NAME], "seeds": [7, 8, 9], "stages": {}}
    key = perform(sqlite_record, load_config(base)).id
    only = ["instruments"]
    with pytest.raises(NotFound, match=f"{NAME}@1 has not measured these experiments") as missing:
        analyse(sqlite_record, [key], only=only, embedders=[NAME, f"{NAME}@champion"])
    assert missing.value.hint.endswith(f"panic-tda experiment extend {key} --embedder {NAME}@1")

    before = measured_by(sqlite_record)
    outcome = extend(sqlite_record, key, embedders=[f"{NAME}@champion", f"{NAME}@2", NAME])
    assert (outcome.status, outcome.runs, before) == ("completed", 3, {NAME})
    assert measured_by(sqlite_record) == {NAME, f"{NAME}@1", f"{NAME}@2"}
    assert [spec.name for spec in load(sqlite_record, key)[1].embedders] == [NAME, f"{NAME}@1", f"{NAME}@2"]
    (answer,) = analyse(sqlite_record, [key], only=only, embedders=[NAME, f"{NAME}@champion"])
    agreement = answer.tables["agreement"]
    assert set(agreement.select("embedder", "other").iter_rows()) == {(NAME, f"{NAME}@1")}
    # Both versions are copies of the base.
    assert agreement.filter(statistic="linear CKA")["value"][0] == pytest.approx(1.0)
    (everything,) = analyse(sqlite_record, [key], only=only)
    assert everything.tables["agreement"].select("embedder", "other").n_unique() == 3

    promote(NAME, 2)
    assert [spec.name for spec in load(sqlite_record, key)[1].embedders] == [NAME, f"{NAME}@1", f"{NAME}@2"]


def test_an_embedder_that_nobody_knows_is_not_added(sqlite_record: Record) -> None:
    key = perform(sqlite_record, load_config(CONFIG)).id
    with pytest.raises(UnknownModel):
        extend(sqlite_record, key, embedders=[f"{NAME}@3"])
    with pytest.raises(ConfigurationError, match="is a generator"):
        extend(sqlite_record, key, embedders=["DummyT2I"])
    assert measured_by(sqlite_record) == {f"{NAME}@1"}
