from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.errors import InvalidOutput, RecordError
from panic_tda.signature import Kind
from panic_tda.store.database import Record
from panic_tda.store.generation import Failure, forgive_failures, write_failures
from panic_tda.store.measurement import (
    Measured,
    Unmeasured,
    count_outputs,
    groups_of_runs,
    outputs_without_vector,
    write_vectors,
)
from panic_tda.store.tables import embeddings, outputs
from support.contents import image, numbered
from support.models import fake_spec
from support.records import EMBEDDER, grow, measure, plant, run_ids, vector, version_of


def wanted(connection: sa.Connection, key: str, kind: Kind = Kind.TEXT) -> list[str]:
    return [item.output_id for item in missing(connection, key, kind)]


def missing(connection: sa.Connection, key: str, kind: Kind = Kind.TEXT, **page: Any) -> list[Unmeasured]:
    version = version_of(connection, EMBEDDER)
    return outputs_without_vector(connection, run_ids(connection, key), kind, version, EMBEDDER.name, **page)


def test_each_distinct_content_is_wanted_once(record: Record) -> None:
    a, b = Text("a"), Text("b")
    with record.writing() as connection:
        key, (one, two) = plant(connection, seeds=(1, 2))
        grow(connection, one, [a, b, a, a])
        grow(connection, two, [b, a])
        assert wanted(connection, key) == sorted([a.sha256, b.sha256])


def test_only_the_kind_that_the_embedder_takes_is_wanted(record: Record) -> None:
    with record.writing() as connection:
        key, (run_id,) = plant(connection)
        grow(connection, run_id, [image(1), Text("a"), image(2), image(1)])
        assert wanted(connection, key) == [Text("a").sha256]
        assert wanted(connection, key, Kind.IMAGE) == sorted([image(1).sha256, image(2).sha256])


def test_texts_come_with_their_content_and_images_without(record: Record) -> None:
    with record.writing() as connection:
        key, (run_id,) = plant(connection)
        grow(connection, run_id, [image(1), Text("a"), Text("")])
        assert missing(connection, key) == sorted((text.sha256, text) for text in (Text("a"), Text("")))
        assert missing(connection, key, Kind.IMAGE) == [(image(1).sha256, None)]


def test_a_text_that_was_changed_is_named(record: Record) -> None:
    with record.writing() as connection:
        key, (run_id,) = plant(connection)
        grow(connection, run_id, [Text("true")])
        connection.execute(sa.update(outputs).where(outputs.c.id == Text("true").sha256).values(text="false"))
        with pytest.raises(RecordError, match=f"output {Text('true').sha256} is not what was stored"):
            wanted(connection, key)


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_pages_show_every_output_once_in_the_order_of_ids(record: Record, limit: int) -> None:
    contents = numbered(7)
    with record.writing() as connection:
        key, (one, two) = plant(connection, seeds=(1, 2))
        grow(connection, one, contents)
        grow(connection, two, contents[::-1])
        measure(connection, contents[3:4])
        shown: list[str] = []
        while page := missing(connection, key, after=shown[-1] if shown else "", limit=limit):
            assert len(page) <= limit
            shown += [item.output_id for item in page]
    assert shown == sorted(content.sha256 for content in (*contents[:3], *contents[4:]))


def test_a_prompt_that_no_run_made_is_not_wanted(record: Record) -> None:
    with record.writing() as connection:
        key, (run_id,) = plant(connection, [Text("the prompt")])
        grow(connection, run_id, [Text("a")])
        assert wanted(connection, key) == [Text("a").sha256]


def test_what_has_a_vector_is_wanted_no_more_by_any_experiment(record: Record) -> None:
    contents = numbered(3)
    with record.writing() as connection:
        first, (one,) = plant(connection)
        second, (two,) = plant(connection)
        grow(connection, one, contents)
        grow(connection, two, contents)
        measure(connection, contents[:2])
        for key in (first, second):
            assert wanted(connection, key) == [contents[2].sha256]
        measure(connection, contents[2:], fake_spec("Another", "text -> vector"))
        assert wanted(connection, first) == [contents[2].sha256]


def test_what_failed_is_left_out_until_it_is_forgiven(record: Record) -> None:
    a, b = Text("a"), Text("b")
    with record.writing() as connection:
        key, (run_id,) = plant(connection)
        grow(connection, run_id, [a, b])
        fault = InvalidOutput("not finite")
        write_failures(connection, [Failure(key, "embed", EMBEDDER.name, fault, output_id=a.sha256)])
        write_failures(connection, [Failure(key, "embed", "Another", fault, output_id=b.sha256)])
        assert wanted(connection, key) == [b.sha256]
        forgive_failures(connection, key)
        assert wanted(connection, key) == sorted([a.sha256, b.sha256])


def test_what_failed_in_another_experiment_is_tried_again(record: Record) -> None:
    with record.writing() as connection:
        first, (one,) = plant(connection)
        second, (two,) = plant(connection)
        for run_id in (one, two):
            grow(connection, run_id, [Text("a")])
        fault = InvalidOutput("not finite")
        write_failures(connection, [Failure(first, "embed", EMBEDDER.name, fault, output_id=Text("a").sha256)])
        assert wanted(connection, first) == []
        assert wanted(connection, second) == [Text("a").sha256]


def test_a_vector_that_is_there_is_never_replaced(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        grow(connection, run_id, [Text("a")])
        key, version = Text("a").sha256, version_of(connection, EMBEDDER)
        write_vectors(connection, [Measured(key, vector(key))], version)
        write_vectors(connection, [Measured(key, vector(key) + 1)], version)
        write_vectors(connection, [], version)
        (stored,) = connection.execute(sa.select(embeddings.c.vector)).scalars()
    np.testing.assert_array_equal(stored, vector(key))


def test_counting_tells_distinct_contents_with_a_vector_from_all(record: Record) -> None:
    contents = numbered(3)
    with record.writing() as connection:
        key, (one, two) = plant(connection, seeds=(1, 2))
        grow(connection, one, [*contents, image(1)])
        grow(connection, two, contents)
        measure(connection, contents[:1])
        version = version_of(connection, EMBEDDER)
        assert count_outputs(connection, key, Kind.TEXT, version) == (1, 3)
        assert count_outputs(connection, key, Kind.IMAGE, version) == (0, 1)
        empty, _ = plant(connection)
        assert count_outputs(connection, empty, Kind.TEXT, version) == (0, 0)


def test_groups_hold_every_run_once_and_stay_small(record: Record) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, seeds=range(1_250), max_length=6_000)
        grow(connection, ids[3], numbered(5_001))
        groups = list(groups_of_runs(connection, key))
        assert [run_id for group in groups for run_id in group] == ids
        assert [len(group) for group in groups] == [4, 500, 500, 246]
        assert list(groups_of_runs(connection, plant(connection, [])[0])) == []
        assert len(wanted(connection, key)) == 5_001
