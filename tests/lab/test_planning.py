"""The wavefront's decisions, by simulation: no model runs here."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.lab.generate import calls_ahead
from panic_tda.lab.network import Network, Node
from panic_tda.lab.planning import RunState, Waiting, Wavefront, choose_node
from panic_tda.store.generation import OtherSeed


def network(*models: str) -> Network:
    return Network(tuple(Node(model) for model in models))


def waiting_runs(networks: Sequence[Network], runs: int, steps: int, seed: int = -1) -> list[RunState]:
    return [
        RunState(f"{index}-{number}", "experiment", of, seed, 0, steps, "00")
        for index, of in enumerate(networks)
        for number in range(runs)
    ]


class Device:
    """A device that holds so many models at once, and counts how often one is loaded."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.loads: Counter[str] = Counter()
        self.resident: OrderedDict[str, None] = OrderedDict()

    def use(self, model: str) -> None:
        if model not in self.resident:
            self.loads[model] += 1
            while len(self.resident) >= self.room:
                self.resident.popitem(last=False)
        self.resident[model] = None
        self.resident.move_to_end(model)


def simulate(runs: Sequence[RunState], device: Device, *, batch_size: int, in_flight: int) -> Counter[str]:
    """Works everything off and returns how many calls each model had."""
    wave = Wavefront(runs)
    calls: Counter[str] = Counter()
    flying: list[tuple[Node, tuple[RunState, ...]]] = []
    number = 0
    while True:
        while len(flying) < in_flight and (batch := wave.next_batch(device.resident, lambda _: batch_size)):
            device.use(batch.node.model)
            flying.append((batch.node, batch.runs))
        if not flying:
            return calls
        node, done = flying.pop(0)
        for run in done:
            calls[node.model] += 1
            number += 1
            if run.advance(f"{number:x}")[0] is None:
                wave.put(run)


STEPS = 24


@pytest.mark.parametrize("in_flight", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 7, 100])
@pytest.mark.parametrize("models", ["AB", "ABC", "ABCD"])
def test_one_network_that_does_not_fit_costs_one_load_for_each_step_whatever_the_number_of_runs(
    models: str, batch_size: int, in_flight: int
) -> None:
    device = Device(room=1)
    simulate(waiting_runs([network(*models)], 50, STEPS), device, batch_size=batch_size, in_flight=in_flight)
    assert device.loads.total() == STEPS


@pytest.mark.parametrize("in_flight", [1, 2])
@pytest.mark.parametrize(
    ("networks", "loads_per_cycle"),
    [
        (("AB", "AC"), 3),
        (("AB", "BA"), 2),
        (("AB", "AC", "AD"), 4),
        (("AB", "CD"), 4),
        (("ABC", "ABD"), 4),
    ],
)
def test_networks_that_share_models_load_each_model_once_a_cycle_under_a_tight_budget(
    networks: tuple[str, ...], loads_per_cycle: int, in_flight: int
) -> None:
    cycle = len(networks[0])
    device = Device(room=1)
    runs = waiting_runs([network(*models) for models in networks], 20, STEPS)
    simulate(runs, device, batch_size=8, in_flight=in_flight)
    assert device.loads.total() <= loads_per_cycle * STEPS / cycle + len(networks)


@pytest.mark.parametrize("networks", [("AB",), ("AB", "AC"), ("ABC", "CAB", "BD")])
def test_models_that_fit_together_are_loaded_once(networks: tuple[str, ...]) -> None:
    device = Device(room=4)
    simulate(waiting_runs([network(*models) for models in networks], 20, STEPS), device, batch_size=8, in_flight=2)
    assert set(device.loads.values()) == {1}


def test_a_resident_model_with_little_work_goes_before_loading_another_with_much() -> None:
    waiting = {Node("A"): Waiting(1, 5), Node("B"): Waiting(60, 4)}
    assert choose_node(waiting, {"A"}) == Node("A")
    assert choose_node(waiting, {"A", "B"}) == Node("B")


def test_the_model_to_load_is_the_one_whose_runs_lag_behind() -> None:
    assert choose_node({Node("A"): Waiting(60, 5), Node("B"): Waiting(1, 4)}, set()) == Node("B")


def test_nothing_waits_nothing_chosen() -> None:
    assert choose_node({Node("A"): Waiting(0, 0)}, {"A"}) is None
    assert Wavefront().next_batch({"A"}, lambda _: 4) is None


def test_nodes_of_one_model_with_other_parameters_do_not_share_a_batch() -> None:
    hot, cold = Node("A", (("temperature", 1.0),)), Node("A", (("temperature", 0.0),))
    runs = waiting_runs([Network((hot,)), Network((cold,))], 3, 4)
    batch = Wavefront(runs).next_batch(set(), lambda _: 100)
    assert batch is not None
    assert {run.node for run in batch.runs} == {batch.node}


@given(
    st.lists(st.text("ABC", min_size=1, max_size=3), min_size=1, max_size=3),
    st.integers(1, 12),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_every_run_makes_exactly_the_calls_that_were_ahead_of_it(
    networks: list[str], runs: int, steps: int, batch_size: int, in_flight: int
) -> None:
    states = waiting_runs([network(*models) for models in networks], runs, steps)
    expected: Counter[str] = Counter()
    for state in states:
        expected.update(calls_ahead(state))
    assert simulate(states, Device(2), batch_size=batch_size, in_flight=in_flight) == expected
    assert all(state.length == steps for state in states)


class TestStopping:
    def run(self, seed: int, max_length: int = 100, models: str = "AB") -> RunState:
        return RunState("run", "experiment", network(*models), seed, 0, max_length, "00")

    def test_a_repeat_at_the_same_position_is_a_loop_with_its_period(self) -> None:
        run = self.run(seed=42)
        assert [run.advance(key)[0] for key in ("a", "b", "c", "d", "a")] == [None] * 4 + ["loop"]

    def test_the_period_is_counted_in_invocations(self) -> None:
        run = self.run(seed=42)
        for key in ("f", "b", "c", "d"):
            run.advance(key)
        assert run.advance("c") == ("loop", 2)

    def test_the_same_content_at_another_position_is_no_loop(self) -> None:
        run = self.run(seed=0)
        assert [run.advance(key)[0] for key in ("a", "a", "b", "b")] == [None] * 4

    def test_drawn_seeds_never_loop(self) -> None:
        run = self.run(seed=-1, max_length=5, models="A")
        assert [run.advance("a") for _ in range(5)] == [(None, None)] * 4 + [("length", None)]

    def test_a_loop_found_at_the_last_step_is_a_loop(self) -> None:
        run = self.run(seed=1, max_length=2, models="A")
        assert [run.advance("a") for _ in range(2)] == [(None, None), ("loop", 1)]


class TestOtherSeed:
    """A noise twin: one invocation has another seed, and before it nothing is decided."""

    def run(self, step: int, max_length: int = 100, models: str = "A") -> RunState:
        return RunState("run", "experiment", network(*models), 42, 0, max_length, "00", other_seed=OtherSeed(step, 7))

    @pytest.mark.parametrize("step", [0, 1, 4])
    def test_one_invocation_has_the_other_seed(self, step: int) -> None:
        run, seeds = self.run(step), []
        for key in range(6):
            seeds.append(run.next_seed)
            run.advance(f"{key:x}")
        assert seeds == [7 if number == step else 42 for number in range(6)]

    def test_what_came_before_it_is_no_loop(self) -> None:
        run = self.run(step=3)
        assert [run.advance(key) for key in ("a", "a", "a", "b", "a")] == [(None, None)] * 5

    def test_what_it_made_and_all_after_it_is(self) -> None:
        run = self.run(step=2)
        assert [run.advance(key) for key in ("a", "b", "c", "b", "c")][-2:] == [(None, None), ("loop", 2)]

    def test_without_one_the_seed_is_the_runs_own(self) -> None:
        assert RunState("run", "experiment", network("A"), -1, 0, 9, "00").next_seed == -1


@given(st.integers(0, 12), st.integers(0, 30), st.integers(0, 3))
def test_withdrawn_runs_are_of_one_experiment_came_last_and_leave_the_order_of_the_others(
    mine: int, number: int, theirs: int
) -> None:
    runs = waiting_runs([network("A")], mine, 4)
    others = [RunState(f"other {index}", "another", network("A"), -1, 0, 4, "00") for index in range(theirs)]
    wave = Wavefront([*runs, *others])
    taken = wave.withdraw(number, "experiment")
    kept = max(0, mine - number)
    assert taken == runs[kept:][::-1]
    batch = wave.next_batch(set(), lambda _: 100)
    assert list(batch.runs if batch else ()) == [*runs[:kept], *others]
