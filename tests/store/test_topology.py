from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from panic_tda.content import Text
from panic_tda.errors import OutOfMemory, RecordError
from panic_tda.signature import Kind
from panic_tda.store.database import Record
from panic_tda.store.generation import Failure, forgive_failures, unfinished_runs, write_failures
from panic_tda.store.tables import persistence_diagrams
from panic_tda.store.topology import decode_bars, encode_bars, load_trajectory, runs_without_diagram, write_diagram
from support.contents import image, numbered
from support.models import fake_spec
from support.records import EMBEDDER, diagram, grow, measure, plant, vector, version_of

floats = st.floats(allow_nan=False)
some_bars = st.integers(0, 6).flatmap(lambda count: arrays.arrays(np.float64, (count, 2), elements=floats))


@given(bars=st.lists(some_bars, max_size=4).map(tuple))
def test_bars_read_back_bit_for_bit_with_infinities(bars: tuple[Any, ...]) -> None:
    read = decode_bars(encode_bars(bars))
    assert [array.shape for array in read] == [array.shape for array in bars]
    assert [array.dtype for array in read] == [np.dtype(np.float64)] * len(bars)
    assert [array.tobytes() for array in read] == [array.tobytes() for array in bars]


def test_pickled_objects_are_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, dgms_count=np.array([1]), dgms_0=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(RecordError, match="allow_pickle=False"):
        decode_bars(buffer.getvalue())


@pytest.mark.parametrize("data", [b"", b"PK\3\4", encode_bars((np.zeros((1, 2)),))[:-30]], ids=["none", "text", "cut"])
def test_damaged_bars_are_an_error_of_the_record(data: bytes) -> None:
    with pytest.raises(RecordError, match="a persistence diagram does not decode"):
        decode_bars(data)


def test_a_trajectory_holds_the_vectors_of_one_kind_in_order(record: Record) -> None:
    a, b, c = Text("a"), Text("b"), Text("never measured")
    with record.writing() as connection:
        _, (run_id,) = plant(connection, max_length=9)
        grow(connection, run_id, [a, image(1), b, image(2), a, c])
        measure(connection, [a, b])
        measure(connection, [c], fake_spec("Another", "text -> vector"))
        found = load_trajectory(connection, run_id, Kind.TEXT, version_of(connection, EMBEDDER))
    assert (found.run_id, found.run_length, found.unmeasured) == (run_id, 6, 1)
    np.testing.assert_array_equal(found.points, np.stack([vector(text.sha256) for text in (a, b, a)]))
    assert found.points.dtype == np.float32


def test_a_run_without_vectors_has_an_empty_trajectory(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        grow(connection, run_id, numbered(2))
        found = load_trajectory(connection, run_id, Kind.TEXT, version_of(connection, EMBEDDER))
        assert (found.points.shape, found.unmeasured, found.run_length) == ((0, 0), 2, 2)
        images = load_trajectory(connection, run_id, Kind.IMAGE, version_of(connection, EMBEDDER))
        assert (len(images.points), images.unmeasured) == (0, 0)


def test_a_diagram_is_stored_whole_and_replaced_not_duplicated(record: Record) -> None:
    with record.writing() as connection:
        _, (one, two) = plant(connection, seeds=(1, 2))
        version, other = version_of(connection, EMBEDDER), version_of(connection, fake_spec("E2", "text -> vector"))
        write_diagram(connection, diagram(one, version, run_length=3, points=3))
        write_diagram(connection, diagram(one, other, run_length=3, points=3))
        write_diagram(connection, diagram(two, version, run_length=3, points=3))
        write_diagram(connection, diagram(one, version, run_length=5, points=5, absence="too few"))
        table = persistence_diagrams
        query = sa.select(table).where(table.c.run_id == one, table.c.model_version_id == version)
        row = connection.execute(query).one()
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 3
    assert (row.run_length, row.points, row.absence, row.engine) == (5, 5, "too few", "by hand")
    assert (row.entropy, row.normalised_entropy) == ([0.25, 0.0], [0.5, 0.0])
    finite, empty = decode_bars(row.data)
    assert finite.tolist() == [[0.0, 1.5], [0.0, np.inf]]
    assert empty.shape == (0, 2)


def test_the_database_refuses_a_second_diagram_of_a_run(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        write_diagram(connection, diagram(run_id, version_of(connection, EMBEDDER), run_length=0, points=0))
        row = dict(connection.execute(sa.select(persistence_diagrams)).one()._mapping)
    with pytest.raises(sa.exc.IntegrityError), record.writing() as connection:
        connection.execute(sa.insert(persistence_diagrams).values(**row | {"id": "another"}))


def test_missing_and_outdated_diagrams_are_found(record: Record) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, seeds=range(5))
        version = version_of(connection, EMBEDDER)
        for run_id in ids:
            grow(connection, run_id, numbered(3))
        current, missing, shorter, shallow, of_another = ids
        write_diagram(connection, diagram(current, version, run_length=3, points=3))
        write_diagram(connection, diagram(shorter, version, run_length=2, points=2))
        write_diagram(connection, diagram(shallow, version, run_length=3, points=3, max_dim=0))
        another = version_of(connection, fake_spec("Another", "text -> vector"))
        write_diagram(connection, diagram(of_another, another, run_length=3, points=3))
        assert runs_without_diagram(connection, key, version, 1, "Embedder") == [missing, shorter, shallow, of_another]
        assert runs_without_diagram(connection, key, version, 0, "Embedder") == [current, missing, shorter, of_another]


def test_a_diagram_without_some_vectors_is_outdated_when_they_come(record: Record) -> None:
    contents = numbered(3)
    with record.writing() as connection:
        key, (run_id,) = plant(connection)
        version = version_of(connection, EMBEDDER)
        grow(connection, run_id, [*contents, image(1)])
        measure(connection, contents[:2])
        write_diagram(connection, diagram(run_id, version, run_length=4, points=2, unmeasured=1))
        assert runs_without_diagram(connection, key, version, 1, "Embedder") == []
        measure(connection, contents[2:])
        assert runs_without_diagram(connection, key, version, 1, "Embedder") == [run_id]


def test_a_run_whose_diagram_failed_is_left_out_until_forgiven(record: Record) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, seeds=range(2))
        version = version_of(connection, EMBEDDER)
        write_failures(connection, [Failure(key, "diagrams", "Embedder", OutOfMemory("too many points"), ids[0])])
        assert runs_without_diagram(connection, key, version, 1, "Embedder") == [ids[1]]
        assert [position.run_id for position in unfinished_runs(connection, key)] == ids
        forgive_failures(connection, key)
        assert runs_without_diagram(connection, key, version, 1, "Embedder") == ids
