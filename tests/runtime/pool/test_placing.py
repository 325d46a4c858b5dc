"""Decisions of a pool: the holder first, then the emptiest, then the least recently used makes room."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from panic_tda.models.model import ModelSpec
from panic_tda.runtime.pool.placing import PATIENCE, Accelerator, Paces, Placed, Waiting, Worker, place, room_for
from panic_tda.runtime.residency import Budget
from support.models import fake_spec

A, B, C, D = (fake_spec(name, megabytes=4) for name in "ABCD")
ON_GPU = fake_spec("OnGpu", megabytes=4, device="cuda")
MB = 2**20
PLENTY = 1_000 * MB


def worker(*held: ModelSpec, runs: ModelSpec | None = None, gone: bool = False) -> Worker:
    return Worker({spec: spec.memory_bytes for spec in held}, runs, gone)


def placed(
    me: int, queue: list[ModelSpec], workers: list[Worker], *, budget: int = PLENTY, paces: Paces | None = None
) -> Placed | None:
    waiting = waiting_for(queue)
    return place(me, waiting, workers, Budget(budget), paces or Paces())


def waiting_for(queue: list[ModelSpec]) -> list[Waiting]:
    return [Waiting(spec, count) for spec, count in Counter(queue).items()]


def test_a_worker_takes_the_oldest_call_whose_model_it_holds() -> None:
    assert placed(0, [B, A, A], [worker(A), worker(B, runs=B)]) == Placed(1)


def test_a_call_waits_for_the_idle_worker_that_holds_its_model() -> None:
    workers = [worker(), worker(A)]
    assert placed(0, [A], workers) is None
    assert placed(1, [A], workers) == Placed(0)


def test_a_model_that_nobody_holds_goes_to_the_worker_with_the_least_in_memory() -> None:
    workers = [worker(A), worker(), worker(B, C)]
    assert [placed(me, [ON_GPU], workers) for me in range(3)] == [None, Placed(0), None]


def test_a_model_that_busy_workers_hold_is_loaded_again_when_waiting_takes_longer() -> None:
    workers = [worker(A, runs=A), worker()]
    assert placed(1, [A], workers, paces=Paces({"A": 1.0}, {"A": 5.0})) == Placed(0)
    assert placed(1, [A], workers, paces=Paces({"A": 5.0}, {"A": 1.0})) is None
    assert placed(1, [A] * 6, workers, paces=Paces({"A": 5.0}, {"A": 1.0})) == Placed(0)


def test_an_accelerator_holds_one_copy_of_a_model() -> None:
    workers = [worker(ON_GPU, runs=ON_GPU), worker()]
    assert placed(1, [ON_GPU] * 9, workers, paces=Paces({"OnGpu": 1.0}, {"OnGpu": 5.0})) is None


def test_workers_with_accelerators_of_their_own_hold_a_copy_each() -> None:
    workers = [Worker({ON_GPU: 4 * MB}, ON_GPU, accelerator=Accelerator.OWN), Worker(accelerator=Accelerator.OWN)]
    assert placed(1, [ON_GPU], workers) == Placed(0)


def test_a_model_that_needs_an_accelerator_goes_where_one_is() -> None:
    workers = [worker(), Worker(accelerator=Accelerator.NONE)]
    assert [placed(me, [ON_GPU], workers) for me in range(2)] == [Placed(0), None]
    workers = [worker(A, runs=A), Worker(accelerator=Accelerator.NONE)]
    assert placed(1, [ON_GPU], workers) is None
    assert placed(1, [B], workers) == Placed(0)


def test_a_call_that_was_overtaken_often_goes_first() -> None:
    workers = [worker(A), worker(C, runs=C)]
    queue = [Waiting(B, 1, PATIENCE), Waiting(A)]
    assert place(0, queue, workers, Budget(PLENTY), Paces()) == Placed(0)
    assert place(0, [Waiting(B, 1, PATIENCE - 1), Waiting(A)], workers, Budget(PLENTY), Paces()) == Placed(1)


def test_the_least_recently_used_model_makes_room_its_own_worker_first() -> None:
    workers = [worker(A, B), worker(C)]
    assert room_for(D, 0, workers, Budget(12 * MB)) == ((0, A),)
    assert room_for(D, 1, workers, Budget(12 * MB)) == ((1, C),)
    assert room_for(D, 1, workers, Budget(8 * MB)) == ((1, C), (0, A))


def test_each_device_has_a_budget_of_its_own() -> None:
    assert room_for(ON_GPU, 0, [worker(A, B)], Budget(8 * MB)) == ()
    assert room_for(D, 0, [worker(ON_GPU, A)], Budget(4 * MB)) == ((0, A),)


def test_what_a_model_borrows_needs_room_too_and_never_makes_it() -> None:
    program = fake_spec("Program", megabytes=0, parts=(A,))
    assert room_for(program, 0, [worker(B)], Budget(4 * MB)) == ((0, B),)
    assert room_for(program, 0, [worker(A)], Budget(4 * MB)) == ()


def test_a_model_in_use_never_makes_room() -> None:
    assert room_for(B, 1, [worker(A, runs=A), worker()], Budget(4 * MB)) is None
    assert room_for(B, 1, [worker(A, gone=True), worker()], Budget(4 * MB)) is None
    assert placed(1, [B], [worker(A, runs=A), worker()], budget=4 * MB) is None


@given(
    st.lists(st.sampled_from([A, B, C]), max_size=6),
    st.lists(st.tuples(st.sets(st.sampled_from([A, B, C])), st.booleans()), min_size=1, max_size=4),
    st.integers(1, 4),
)
def test_while_nobody_works_and_calls_wait_somebody_takes_one(
    queue: list[ModelSpec], held: list[tuple[set[ModelSpec], bool]], models_that_fit: int
) -> None:
    workers = [worker(*specs) for specs, _ in held]
    taken = [placed(me, queue, workers, budget=models_that_fit * 4 * MB) for me in range(len(workers))]
    assert any(taken) == bool(queue)


@given(
    st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=6),
    st.lists(st.tuples(st.sets(st.sampled_from([A, B, C])), st.booleans()), min_size=1, max_size=4),
    st.integers(1, 8),
)
def test_after_a_decision_everything_fits_and_nothing_in_use_has_left(
    queue: list[ModelSpec], held: list[tuple[set[ModelSpec], bool]], models_that_fit: int
) -> None:
    workers = [worker(*specs, runs=next(iter(specs)) if busy and specs else None) for specs, busy in held]
    budget = models_that_fit * 4 * MB
    for me in (number for number, each in enumerate(workers) if each.is_idle):
        choice = placed(me, queue, workers, budget=budget)
        if choice is None or waiting_for(queue)[choice.number].spec in workers[me].holds:
            continue
        freed = sum(spec.memory_bytes for _, spec in choice.leaving)
        assert (
            sum(each.used for each in workers) - freed + waiting_for(queue)[choice.number].spec.memory_bytes <= budget
        )
        assert all(workers[other].is_idle and spec in workers[other].holds for other, spec in choice.leaving)


def test_calls_that_want_a_worker_wait_for_it_while_it_is_idle() -> None:
    queue = [Waiting(A, home=1)]
    assert place(0, queue, [worker(A), worker()], Budget(PLENTY), Paces()) is None
    assert place(1, queue, [worker(A), worker()], Budget(PLENTY), Paces()) == Placed(0)
    assert place(0, queue, [worker(A), worker(B, runs=B)], Budget(PLENTY), Paces()) == Placed(0)


def test_strict_calls_go_nowhere_else() -> None:
    queue = [Waiting(A, home=1, strict=True)]
    assert place(0, queue, [worker(A), worker(B, runs=B)], Budget(PLENTY), Paces()) is None
    assert place(1, queue, [worker(A, runs=A), worker(B)], Budget(PLENTY), Paces()) == Placed(0)
