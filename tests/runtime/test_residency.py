from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.errors import InsufficientMemory, ModelLoadError, PrerequisiteError
from panic_tda.models.model import Model, ModelSpec, Placement
from panic_tda.runtime.residency import Budget, ExpectedResidents, Residency, available_memory
from support.gpus import put_gpu
from support.models import as_fake, fake_spec, load
from support.threads import beside

MEGABYTE = 2**20
A, B, C = (fake_spec(name, megabytes=10) for name in "ABC")
HUGE = fake_spec("Huge", megabytes=2048)


def loaded(spec: ModelSpec) -> Model:
    return load(spec, Placement())


def room_for(models: int) -> Residency:
    return Residency(models * 10 * MEGABYTE, loaded)


def use(residency: Residency, *specs: ModelSpec) -> list[Model]:
    models = []
    for spec in specs:
        with residency.use(spec) as (model, _):
            models.append(model)
    return models


class Watched(threading.Condition):
    """A condition that tells when somebody begins to wait on it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting.release()
        return super().wait(timeout)


def watched(residency: Residency) -> Watched:
    condition = Watched()
    residency._changed = condition
    return condition


def test_a_model_is_loaded_once_however_often_it_is_used() -> None:
    residency = room_for(2)
    models = use(residency, *[A, B] * 25)
    assert residency.loads == 2
    assert len({id(model) for model in models}) == 2


def test_loading_takes_time_only_when_the_model_was_not_there() -> None:
    residency = room_for(1)
    with residency.use(A) as (_, first):
        pass
    with residency.use(A) as (_, second):
        pass
    assert first > 0.0 == second


def test_the_least_recently_used_model_makes_room() -> None:
    residency = room_for(2)
    a, b, _, c = use(residency, A, B, A, C)
    assert [as_fake(model).closed for model in (a, b, c)] == [0, 1, 0]
    use(residency, A)
    assert residency.loads == 3


def test_as_many_models_go_as_the_room_needs() -> None:
    residency = Residency(30 * MEGABYTE, loaded)
    models = use(residency, A, B, C, fake_spec("Wide", megabytes=20))
    assert [as_fake(model).closed for model in models] == [1, 1, 0, 0]


def test_a_model_in_use_is_never_evicted() -> None:
    residency = room_for(2)
    with residency.use(A) as (a, _):
        use(residency, B, C, B, C)
        assert as_fake(a).closed == 0
        assert use(residency, A) == [a]


def test_a_model_stays_pinned_while_any_of_its_users_remains() -> None:
    residency = room_for(2)
    with residency.use(A) as (a, _):
        use(residency, A)
        use(residency, B, C)
        assert as_fake(a).closed == 0


def test_a_model_too_large_is_refused_with_the_numbers() -> None:
    residency = room_for(1)
    (a,) = use(residency, A)
    with pytest.raises(
        InsufficientMemory, match=r"^Huge needs 2\.00 GiB \(estimated\), the memory budget is 0\.01 GiB$"
    ) as caught:
        use(residency, HUGE)
    assert "memory_budget" in caught.value.hint
    assert as_fake(a).closed == 0
    residency.check(A)


def test_a_caller_waits_until_a_model_in_use_is_released() -> None:
    residency = room_for(1)
    condition = watched(residency)
    with residency.use(A) as (a, _):
        waiting = beside(use, residency, B)
        assert condition.waiting.acquire(timeout=30)
        assert not waiting.done()
        assert as_fake(a).closed == 0
    waiting.result(timeout=30)
    assert as_fake(a).closed == 1
    assert residency.loads == 2


def test_callers_that_waited_for_the_same_model_share_one_load() -> None:
    residency = room_for(1)
    condition = watched(residency)
    with residency.use(A):
        waiting = [beside(use, residency, B) for _ in range(2)]
        for _ in waiting:
            assert condition.waiting.acquire(timeout=30)
    first, second = (future.result(timeout=30) for future in waiting)
    assert first[0] is second[0]
    assert residency.loads == 2


def test_a_block_that_raises_releases_its_model() -> None:
    residency = room_for(1)
    with pytest.raises(ZeroDivisionError), residency.use(A):
        raise ZeroDivisionError
    use(residency, B)
    assert residency.loads == 2


def test_closing_frees_every_model_once() -> None:
    residency = room_for(3)
    models = use(residency, A, B, C)
    residency.close()
    residency.close()
    assert [as_fake(model).closed for model in models] == [1, 1, 1]


def test_a_loader_that_raises_something_of_its_own_gives_a_typed_error() -> None:
    def broken(spec: ModelSpec) -> Model:
        raise OSError("the disk went away")

    with pytest.raises(ModelLoadError, match="A does not load: OSError: the disk went away"):
        use(Residency(MEGABYTE * 100, broken), A)


def test_a_loader_that_raises_a_typed_error_is_heard() -> None:
    missing = fake_spec("Missing", requires=("no_such_package",))
    with pytest.raises(PrerequisiteError, match="no_such_package is not installed"):
        use(Residency(100 * MEGABYTE, lambda spec: spec.load(Placement())), missing)


def test_a_model_that_did_not_load_is_tried_again() -> None:
    faults = iter([OSError("busy")])

    def flaky(spec: ModelSpec) -> Model:
        if fault := next(faults, None):
            raise fault
        return loaded(spec)

    residency = Residency(MEGABYTE * 100, flaky)
    with pytest.raises(ModelLoadError):
        use(residency, A)
    use(residency, A)
    assert residency.loads == 1


@pytest.mark.parametrize("budget", [0, 5_000_000_000])
def test_each_device_has_a_budget_of_its_own(budget: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_gpu(tmp_path, monkeypatch, mebibytes=8_000)
    on_gpu = [fake_spec(name, megabytes=4_000, device="cuda") for name in ("D", "E")]
    residency = Residency(Budget(budget), loaded)
    d, a, e = use(residency, on_gpu[0], A, on_gpu[1])
    assert [as_fake(model).closed for model in (d, a, e)] == [1, 0, 0]
    with pytest.raises(InsufficientMemory):
        residency.check(fake_spec("F", megabytes=6_500, device="cuda"))


def test_what_leaves_for_a_model_is_told_before_it_is_loaded() -> None:
    expected = ExpectedResidents(30 * MEGABYTE)
    assert [expected.use(spec) for spec in (A, B, C, B)] == [[]] * 4
    assert expected.use(fake_spec("Wide", megabytes=20)) == ["A", "C"]
    assert expected.use(HUGE) == []


SIZED = [fake_spec(f"of {size}", megabytes=size) for size in (1, 2, 3, 5, 8, 13)]


@given(budget=st.integers(1, 20), used=st.lists(st.sampled_from(SIZED), max_size=40))
def test_what_is_expected_to_be_resident_is_what_will_be(budget: int, used: list[ModelSpec]) -> None:
    residency, expected = Residency(budget * MEGABYTE, loaded), ExpectedResidents(budget * MEGABYTE)
    kept: dict[str, Model] = {}
    for spec in used:
        expected.use(spec)
        if spec.memory_bytes <= budget * MEGABYTE:
            (kept[spec.name],) = use(residency, spec)
        else:
            with pytest.raises(InsufficientMemory):
                use(residency, spec)
    assert expected.names() == {name for name, model in kept.items() if not as_fake(model).closed}
    assert sum(spec.memory_bytes for spec in SIZED if spec.name in expected.names()) <= budget * MEGABYTE


BORROWER = fake_spec("Borrower", megabytes=0, parts=(A,))


def test_a_borrowed_model_is_the_resident_one_and_stays_pinned_until_it_is_given_back() -> None:
    residency = room_for(1)
    (a,) = use(residency, A)
    condition = watched(residency)
    with residency.use(BORROWER):
        with residency.lend(A) as borrowed:
            assert borrowed is a
            waiting = beside(use, residency, B)
            assert condition.waiting.acquire(timeout=30)
            assert as_fake(a).closed == 0
        waiting.result(timeout=30)
    assert as_fake(a).closed == 1


def test_a_model_without_weights_of_its_own_needs_the_room_of_what_it_borrows() -> None:
    residency = room_for(1)
    greedy = fake_spec("Greedy", megabytes=0, parts=(fake_spec("Chain", megabytes=0, parts=(HUGE,)),))
    with pytest.raises(InsufficientMemory, match=r"^Huge needs"):
        residency.check(greedy)
    residency.check(BORROWER)


def test_a_model_that_hangs_is_forgotten_with_what_it_borrowed() -> None:
    residency = room_for(2)
    (a,) = use(residency, A)
    with residency.use(BORROWER), residency.lend(A):
        residency.abandon(BORROWER)
        assert use(residency, A)[0] is not a


@given(budget=st.integers(10, 40), used=st.lists(st.sampled_from([A, B, C, BORROWER]), max_size=20))
def test_what_borrows_leaves_behind_what_is_expected(budget: int, used: list[ModelSpec]) -> None:
    residency, expected = Residency(budget * MEGABYTE, loaded), ExpectedResidents(budget * MEGABYTE)
    for spec in used:
        expected.use(spec)
        with residency.use(spec):
            for part in spec.parts:
                with residency.lend(part):
                    pass
    assert expected.names() == frozenset(spec.name for spec in residency.sizes())


def test_the_default_budget_is_part_of_this_machine() -> None:
    assert 2**28 < available_memory() < 2**50


def test_two_entries_of_one_name_are_two_models() -> None:
    residency = Residency(2**30, lambda spec: spec.load(Placement()))
    plain, other = fake_spec(), fake_spec(dtype="float16")
    with residency.use(plain) as (one, _), residency.use(other) as (two, _):
        assert one is not two
    assert residency.loads == 2
    residency.close()
