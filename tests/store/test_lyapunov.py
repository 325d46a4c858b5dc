from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.errors import OutOfMemory
from panic_tda.signature import Kind
from panic_tda.store.database import Record
from panic_tda.store.generation import Failure, forgive_failures, write_failures
from panic_tda.store.lyapunov import RunGroup, count_groups, groups_without_lyapunov, load_group, write_lyapunov
from panic_tda.store.tables import lyapunov_results, runs, twins
from support.contents import image, numbered, texts
from support.lyapunov import lyapunov_result
from support.models import fake_spec
from support.records import EMBEDDER, grow, measure, plant, vector, version_of

A, B = texts("prompt a", "prompt b")


def group_of(connection: Any, run_id: str) -> RunGroup:
    row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).one()
    return RunGroup(row.experiment_id, row.network_id, row.prompt_id)


def stored(connection: Any) -> list[Any]:
    return list(connection.execute(sa.select(lyapunov_results)).all())


def test_a_group_is_the_runs_of_one_network_and_prompt_without_twins(record: Record) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, [A, B], seeds=(1, 2, 3))
        twin = {"run_id": ids[2], "twin_of": ids[1], "perturbation": {"kind": "noise", "step": 0, "seed": 9}}
        connection.execute(sa.insert(twins), twin)
        for run_id in ids:
            grow(connection, run_id, numbered(2))
        measure(connection, numbered(2))
        assert count_groups(connection, key) == 2
        version = version_of(connection, EMBEDDER)
        first = load_group(connection, group_of(connection, ids[0]), Kind.TEXT, version)
    assert (first.first_run_id, len(first.points), first.num_invocations) == (ids[0], 2, 4)
    assert (first.num_points, first.unmeasured) == (4, 0)


def test_rows_are_the_same_step_in_every_run_so_a_run_ends_before_a_gap(record: Record) -> None:
    one, two, three, never = texts("one", "two", "three", "never measured")
    with record.writing() as connection:
        _, (whole, broken, empty) = plant(connection, seeds=(1, 2, 3), max_length=9)
        grow(connection, whole, [one, image(1), two, image(2), three])
        grow(connection, broken, [one, image(1), never, image(2), three])
        measure(connection, [one, two, three])
        version = version_of(connection, EMBEDDER)
        found = load_group(connection, group_of(connection, empty), Kind.TEXT, version)
        images = load_group(connection, group_of(connection, empty), Kind.IMAGE, version)
    np.testing.assert_array_equal(found.points[0], np.stack([vector(each.sha256) for each in (one, two, three)]))
    assert [len(points) for points in found.points] == [3, 1, 0]
    assert (found.num_invocations, found.num_points, found.unmeasured) == (10, 5, 1)
    assert (images.num_points, images.unmeasured) == (0, 4)


def test_a_result_is_stored_whole_with_null_for_what_is_not_known_and_replaced(record: Record) -> None:
    with record.writing() as connection:
        _, ids = plant(connection, [A, B])
        version = version_of(connection, EMBEDDER)
        one, two = (group_of(connection, run_id) for run_id in ids)
        write_lyapunov(connection, lyapunov_result(one, version))
        write_lyapunov(connection, lyapunov_result(two, version))
        unknown = {"exponent": np.nan, "log_divergence_curve": [np.nan, -1.5], "absence": "no runs"}
        write_lyapunov(connection, lyapunov_result(one, version, **unknown))
        first, second = sorted(stored(connection), key=lambda row: row.prompt_id != one.prompt_id)
    assert (first.exponent, first.log_divergence_curve, first.absence) == (None, [None, -1.5], "no runs")
    assert (first.exponent_low, first.cautions, first.num_invocations) == (0.04, ["only 3 pairs"], 15)
    assert (second.exponent, second.absence, second.saturation_step) == (0.05, None, None)


def test_the_database_refuses_a_second_result_of_a_group(record: Record) -> None:
    with record.writing() as connection:
        _, (run_id,) = plant(connection)
        version = version_of(connection, EMBEDDER)
        write_lyapunov(connection, lyapunov_result(group_of(connection, run_id), version))
        row = dict(stored(connection)[0]._mapping)
    with pytest.raises(sa.exc.IntegrityError), record.writing() as connection:
        connection.execute(sa.insert(lyapunov_results).values(**row | {"id": "another"}))


@pytest.mark.parametrize(
    ("changes", "outdated"),
    [
        ({}, False),
        ({"num_runs": 2}, True),
        ({"num_invocations": 5}, True),
        ({"unmeasured": 1, "num_points": 6}, False),
        ({"unmeasured": 1, "num_points": 5}, True),
        ({"num_points": 5}, False),
    ],
    ids=["current", "fewer runs", "shorter runs", "still unmeasured", "measured since", "nothing was unmeasured"],
)
def test_results_of_other_runs_steps_or_vectors_are_outdated(
    record: Record, changes: dict[str, Any], outdated: bool
) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, seeds=(1, 2, 3))
        version = version_of(connection, EMBEDDER)
        for run_id in ids:
            grow(connection, run_id, numbered(2))
        measure(connection, numbered(2))
        group = group_of(connection, ids[0])
        assert groups_without_lyapunov(connection, key, version, "Embedder") == [group]
        current = {"num_runs": 3, "num_invocations": 6, "num_points": 6}
        write_lyapunov(connection, lyapunov_result(group, version, **current | changes))
        assert groups_without_lyapunov(connection, key, version, "Embedder") == [group] * outdated
        another = version_of(connection, fake_spec("Another", "text -> vector"))
        assert groups_without_lyapunov(connection, key, another, "Another") == [group]


def test_a_group_that_failed_is_left_out_until_forgiven(record: Record) -> None:
    with record.writing() as connection:
        key, ids = plant(connection, [A, B, Text("c")])
        version = version_of(connection, EMBEDDER)
        write_failures(connection, [Failure(key, "lyapunov", "Embedder", OutOfMemory("too much"), ids[1])])
        write_failures(connection, [Failure(key, "lyapunov", "Another", OutOfMemory("too much"), ids[0])])
        left = {group_of(connection, run_id) for run_id in (ids[0], ids[2])}
        assert set(groups_without_lyapunov(connection, key, version, "Embedder")) == left
        forgive_failures(connection, key)
        assert len(groups_without_lyapunov(connection, key, version, "Embedder")) == 3
