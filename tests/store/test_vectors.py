from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.errors import NotFound, RecordError, RequestError
from panic_tda.store.database import Record
from panic_tda.store.tables import experiments
from panic_tda.store.vectors import embedder_version, load_vectors
from support.contents import image, numbered
from support.models import fake_spec
from support.records import EMBEDDER, grow, measure, plant, vector, version_of

NEWER = fake_spec(EMBEDDER.name, "text -> vector", revision=2)


def test_each_distinct_output_comes_once_with_its_vector_and_its_visits(record: Record) -> None:
    a, b, c, unmeasured = numbered(4)
    told: list[tuple[int, int]] = []
    with record.writing() as connection:
        first, (one, two) = plant(connection, seeds=(1, 2))
        second, (three,) = plant(connection, [Text("another prompt")])
        grow(connection, one, [a, image(1), b, a])
        grow(connection, two, [a, unmeasured])
        grow(connection, three, [c, a])
        measure(connection, [a, b, c])
        measure(connection, [unmeasured], fake_spec("Another", "text -> vector"))
        version = version_of(connection, EMBEDDER)
        everything = load_vectors(connection, version, report=lambda done, total: told.append((done, total)))
        of_first = load_vectors(connection, version, [first])
        of_both = load_vectors(connection, version, [first, second])
    assert everything.output_ids == sorted(text.sha256 for text in (a, b, c))
    assert dict(zip(everything.output_ids, everything.visits.tolist(), strict=True)) == {
        a.sha256: 4, b.sha256: 1, c.sha256: 1
    }  # fmt: skip
    np.testing.assert_array_equal(everything.points, np.stack([vector(key) for key in everything.output_ids]))
    assert (str(everything.points.dtype), str(everything.visits.dtype)) == ("float32", "int64")
    assert dict(zip(of_first.output_ids, of_first.visits.tolist(), strict=True)) == {a.sha256: 3, b.sha256: 1}
    assert of_both.visits.tolist() == everything.visits.tolist()
    assert told == [(0, 3), (3, 3)]


def test_thousands_of_vectors_are_streamed(sqlite_record: Record) -> None:
    contents = numbered(11_000)
    told: list[int] = []
    with sqlite_record.writing() as connection:
        _, (run_id,) = plant(connection, max_length=len(contents))
        grow(connection, run_id, contents)
        measure(connection, contents)
        found = load_vectors(connection, version_of(connection, EMBEDDER), report=lambda done, _: told.append(done))
    assert found.points.shape == (11_000, 8)
    assert found.output_ids == sorted(content.sha256 for content in contents)
    np.testing.assert_array_equal(found.points[-1], vector(found.output_ids[-1]))
    assert told == [0, 5_000, 10_000, 11_000]


def test_without_vectors_there_is_nothing(record: Record) -> None:
    with record.writing() as connection:
        plant(connection)
        found = load_vectors(connection, version_of(connection, EMBEDDER))
    assert (found.output_ids, found.points.shape, len(found.visits)) == ([], (0, 0), 0)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (b"\0" * 12, "has 12 bytes where others have 32"),
        (b"\1" * 31, "has 31 bytes where others have 32"),
        (b"", "has 0 bytes where others have 32"),
        (b"\0" * 32, "is zero or not finite"),
        (np.full(8, np.nan, "<f4").tobytes(), "is zero or not finite"),
    ],
)
def test_a_damaged_vector_is_named_with_the_remedy(record: Record, damage: bytes, words: str) -> None:
    a, b = numbered(2)
    last = max(a.sha256, b.sha256)
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        grow(connection, run_id, [a, b])
        measure(connection, [a, b])
        spoil = sa.text("UPDATE embeddings SET vector = :bytes WHERE output_id = :key")
        connection.execute(spoil, {"bytes": damage, "key": last})
        with pytest.raises(RecordError, match=f"the vector of output {last} {words}") as caught:
            load_vectors(connection, version_of(connection, EMBEDDER))
    assert caught.value.hint == "panic-tda doctor --fix"


def test_an_embedder_is_found_by_name_and_by_version(record: Record) -> None:
    with record.writing() as connection:
        key, (run_id,) = plant(connection)
        grow(connection, run_id, numbered(2))
        measure(connection, numbered(2))
        version = version_of(connection, EMBEDDER)
        for name in ("Embedder", "Embedder@1"):
            assert embedder_version(connection, name) == (version, "Embedder", "1")
            assert embedder_version(connection, name, [key]).id == version
        with pytest.raises(NotFound, match="no output has a vector of an embedder 'Embedder@2'"):
            embedder_version(connection, "Embedder@2")


def test_a_version_that_measured_nothing_does_not_count(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        grow(connection, run_id, numbered(1))
        version_of(connection, NEWER)
        measure(connection, numbered(1))
        assert embedder_version(connection, "Embedder").version == "1"


def test_of_several_versions_one_must_be_named_unless_the_experiments_are_pinned_to_one(record: Record) -> None:
    with record.writing() as connection:
        old, (one,) = plant(connection)
        new, (two,) = plant(connection, [Text("another prompt")])
        pins = {"model_versions": {"Embedder": "2"}}
        connection.execute(sa.update(experiments).where(experiments.c.id == new).values(**pins))
        for run_id in (one, two):
            grow(connection, run_id, numbered(2))
        measure(connection, numbered(2))
        measure(connection, numbered(2), NEWER)
        assert embedder_version(connection, "Embedder", [old]).version == "1"
        assert embedder_version(connection, "Embedder", [new]).version == "2"
        assert embedder_version(connection, "Embedder@2").version == "2"
        for scope in ([], [old, new]):
            with pytest.raises(RequestError, match="vectors of 2 versions of Embedder") as caught:
                embedder_version(connection, "Embedder", scope)
            assert caught.value.hint == "name one: Embedder@1, Embedder@2"


def test_an_unknown_embedder_is_answered_with_those_there_are(record: Record) -> None:
    with record.writing() as connection:
        with pytest.raises(NotFound) as caught:
            embedder_version(connection, "Nobody")
        assert caught.value.hint == "no experiment here uses an embedder"
        key, _ = plant(connection)
        config = {"networks": [["Writer"]], "embedding_models": ["Embedder", "Another"]}
        connection.execute(sa.update(experiments).where(experiments.c.id == key).values(config=config))
        with pytest.raises(NotFound, match="no output has a vector of an embedder 'Nobody'") as caught:
            embedder_version(connection, "Nobody")
        assert caught.value.hint == "the experiments here use Another, Embedder"
