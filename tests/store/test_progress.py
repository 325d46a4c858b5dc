from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panic_tda.store.database import Record
from panic_tda.store.experiments import ensure_runs
from panic_tda.store.progress import (
    Count,
    advance_stage,
    calls_left,
    count_runs,
    forget_stages,
    generate_count,
    recorded_failures,
    set_stage,
    stage_count,
    stop_reasons,
)
from panic_tda.store.tables import runs
from support.contents import numbered
from support.records import grow, planned, plant

some_examples = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_new_experiment_has_everything_ahead_of_it(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection, seeds=(1, 2, 3), max_length=5)
        assert count_runs(connection, key) == 3
        assert generate_count(connection, key) == Count(0, 15)
        assert stop_reasons(connection, key) == {"length": 0, "loop": 0, "failed": 0}
        assert calls_left(connection, key) == {"Writer": 15}
        assert recorded_failures(connection, key) == []


def test_an_experiment_without_runs_counts_nothing(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection, [])
        assert (count_runs(connection, key), generate_count(connection, key)) == (0, Count(0, 0))
        assert calls_left(connection, key) == {}


def test_a_run_that_stopped_early_expects_no_more_than_it_has(record: Record) -> None:
    with record.writing() as connection:
        key, (looped, failed, going, done) = plant(connection, seeds=(1, 2, 3, 4), max_length=5)
        grow(connection, looped, numbered(2), stop_reason="loop")
        grow(connection, failed, numbered(1), stop_reason="failed")
        grow(connection, going, numbered(1))
        grow(connection, done, numbered(5), stop_reason="length")
        plant(connection, seeds=(9,), max_length=100)
        assert generate_count(connection, key) == Count(done=9, total=2 + 1 + 5 + 5)
        assert stop_reasons(connection, key) == {"length": 1, "loop": 1, "failed": 1}
        assert calls_left(connection, key) == {"Writer": 4}


@some_examples
@given(
    states=st.lists(
        st.tuples(
            st.sampled_from(["A", "AB", "ABC", "ABA"]),
            st.integers(0, 9),
            st.integers(1, 9),
            st.sampled_from([None, "loop", "failed"]),
        ),
        max_size=8,
    )
)
def test_the_calls_left_are_those_that_walking_every_run_would_make(
    record: Record, states: list[tuple[str, int, int, str | None]]
) -> None:
    expected: Counter[str] = Counter()
    with record.writing() as connection:
        plant(connection)
        key, _ = plant(connection, [])
        plans = [planned(models=list(cycle), seeds=[number]) for number, (cycle, *_) in enumerate(states)]
        ensure_runs(connection, key, [run for plan in plans for run in plan])
        for number, (cycle, length, more, reason) in enumerate(states):
            mine = sa.and_(runs.c.experiment_id == key, runs.c.seed == number)
            standing = {"length": length, "max_length": length + more, "stop_reason": reason}
            connection.execute(sa.update(runs).where(mine).values(**standing))
            if reason is None:
                expected.update(cycle[step % len(cycle)] for step in range(length, length + more))
        assert +Counter(calls_left(connection, key)) == expected


def test_a_stage_is_the_sum_of_its_models(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        other, _ = plant(connection)
        assert stage_count(connection, key, "embed") == Count(0, 0)
        set_stage(connection, key, "embed", "A", Count(0, 10))
        set_stage(connection, key, "embed", "B", Count(3, 5))
        set_stage(connection, other, "embed", "A", Count(1, 1))
        set_stage(connection, key, "diagrams", "A", Count(0, 2))
        advance_stage(connection, key, "embed", "A", 4)
        assert stage_count(connection, key, "embed") == Count(7, 15)
        assert stage_count(connection, key, "diagrams") == Count(0, 2)
        assert stage_count(connection, other, "embed") == Count(1, 1)


def test_a_stage_that_begins_again_starts_its_counter_anew(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        set_stage(connection, key, "embed", "A", Count(4, 10))
        set_stage(connection, key, "embed", "A", Count(5, 12))
        assert stage_count(connection, key, "embed") == Count(5, 12)


def test_forgotten_stages_are_those_of_one_experiment(record: Record) -> None:
    with record.writing() as connection:
        key, _ = plant(connection)
        other, _ = plant(connection)
        for experiment in (key, other):
            set_stage(connection, experiment, "embed", "A", Count(1, 2))
        forget_stages(connection, key)
        assert stage_count(connection, key, "embed") == Count(0, 0)
        assert stage_count(connection, other, "embed") == Count(1, 2)
