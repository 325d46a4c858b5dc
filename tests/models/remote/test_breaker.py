"""The circuit breaker against a slow and simple account of what it must do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.models.remote.breaker import PAUSE_S, THRESHOLD, Breaker, Circuit, Passage, Refusal
from support.threads import beside
from support.times import StillTime

STEPS = st.lists(
    st.one_of(
        st.just(("ask", 0.0)),
        st.tuples(st.sampled_from(["succeed", "fail"]), st.integers(0, 7).map(float)),
        st.tuples(st.just("wait"), st.sampled_from([1.0, PAUSE_S / 2, PAUSE_S])),
    ),
    max_size=60,
)


@dataclass
class Account:
    """What was, in plain words. ``fresh`` are requests that passed since it last opened."""

    now: float = 0.0
    in_a_row: int = 0
    opened_at: float | None = None
    probe_from: float = 0.0
    fresh: set[int] = field(default_factory=set)
    probe: int | None = None

    def must_pass(self) -> bool:
        return self.opened_at is None or (self.probe is None and self.now >= self.probe_from)

    def passed(self, number: int) -> None:
        if self.opened_at is not None:
            self.probe = number
        self.fresh.add(number)

    def ended(self, number: int, good: bool) -> None:
        if number not in self.fresh:
            return
        self.fresh.discard(number)
        self.in_a_row = 0 if good else self.in_a_row + 1
        if good and self.probe == number:
            self.opened_at = self.probe = None
        elif not good and (self.probe == number or self.in_a_row == THRESHOLD):
            self.opened_at = self.now if self.opened_at is None else self.opened_at
            self.probe_from = self.now + PAUSE_S
            self.probe = None
            self.fresh.clear()


@given(STEPS)
def test_the_circuit_does_what_the_account_says(steps: list[tuple[str, float]]) -> None:
    account, circuit = Account(), Circuit()
    out: dict[int, int] = {}
    for number, (step, value) in enumerate(steps):
        if step == "wait":
            account.now += value
        elif step == "ask":
            refusal = circuit.refusal(account.now)
            assert (refusal is None) == account.must_pass()
            if refusal is None:
                circuit = circuit.passed()
                out[number] = circuit.era
                account.passed(number)
            else:
                assert account.opened_at is not None
                assert refusal.open_for_s == account.now - account.opened_at
                assert refusal.again_in_s == max(0.0, account.probe_from - account.now)
        elif out:
            ended = sorted(out)[int(value) % len(out)]
            era = out.pop(ended)
            good = step == "succeed"
            circuit = circuit.succeeded(era) if good else circuit.failed(era, f"failure {number}", account.now)
            account.ended(ended, good)
        assert (circuit.opened_at, circuit.probing) == (account.opened_at, account.probe is not None)


@given(st.lists(st.booleans(), max_size=40))
def test_it_opens_at_the_fifth_failure_in_a_row_and_not_before(outcomes: list[bool]) -> None:
    circuit, in_a_row = Circuit(), 0
    for good in outcomes:
        if in_a_row == THRESHOLD:
            break
        circuit = circuit.succeeded(circuit.era) if good else circuit.failed(circuit.era, "no", 1.0)
        in_a_row = 0 if good else in_a_row + 1
        assert (circuit.refusal(1.0) is not None) == (in_a_row == THRESHOLD)


def opened() -> tuple[Breaker, StillTime]:
    time = StillTime()
    breaker = Breaker(time.clock)
    for number in range(THRESHOLD):
        passage = breaker.admit()
        assert isinstance(passage, Passage)
        breaker.fail(passage, f"failure {number}")
    return breaker, time


def test_an_open_circuit_says_how_long_why_and_until_when() -> None:
    breaker, time = opened()
    time.sleep(12.0)
    assert breaker.admit() == Refusal(open_for_s=12.0, again_in_s=PAUSE_S - 12.0, reason="failure 4")


@pytest.mark.parametrize("good", [True, False])
def test_after_the_pause_one_probe_passes_and_the_others_wait_for_what_becomes_of_it(good: bool) -> None:
    breaker, time = opened()
    time.sleep(PAUSE_S)
    probe = breaker.admit()
    assert isinstance(probe, Passage)
    others = [beside(breaker.admit) for _ in range(3)]
    with pytest.raises(TimeoutError):
        others[0].result(timeout=0.05)
    breaker.succeed(probe) if good else breaker.fail(probe, "still down")
    assert {type(other.result(timeout=10)) for other in others} == {Passage if good else Refusal}
    assert breaker.is_open != good


def test_a_failed_probe_begins_another_pause_and_since_stays() -> None:
    breaker, time = opened()
    time.sleep(PAUSE_S)
    probe = breaker.admit()
    assert isinstance(probe, Passage)
    breaker.fail(probe, "still down")
    time.sleep(1.0)
    assert breaker.admit() == Refusal(open_for_s=PAUSE_S + 1.0, again_in_s=PAUSE_S - 1.0, reason="still down")


def test_what_passed_before_it_opened_neither_closes_it_nor_prolongs_the_pause() -> None:
    time = StillTime()
    breaker = Breaker(time.clock)
    passages = [breaker.admit() for _ in range(THRESHOLD + 2)]
    *failing, late_success, late_failure = [each for each in passages if isinstance(each, Passage)]
    for passage in failing:
        breaker.fail(passage, "down")
    time.sleep(PAUSE_S - 1.0)
    breaker.succeed(late_success)
    breaker.fail(late_failure, "late")
    assert breaker.admit() == Refusal(open_for_s=PAUSE_S - 1.0, again_in_s=1.0, reason="down")
