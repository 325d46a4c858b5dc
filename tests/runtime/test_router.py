"""Which executor runs a model, and why."""

from __future__ import annotations

from typing import Any

import pytest

from panic_tda.errors import ExecutionError
from panic_tda.runtime.executors import RoutingExecutor
from panic_tda.runtime.result import Call
from panic_tda.runtime.router import matches, route
from panic_tda.runtime.sessions import Sessions
from panic_tda.settings import Rule, Settings
from support.contents import texts
from support.models import fake_spec
from support.trouble import trouble_spec

SMALL = fake_spec("Small")
LARGE = fake_spec("Large", megabytes=5_000)
ON_GPU = fake_spec("FluxDev", "text -> image", device="cuda")


@pytest.mark.parametrize(
    ("spec", "executor", "why"),
    [
        (SMALL, "inprocess", "no rule matches; auto: it is small and runs on the CPU"),
        (LARGE, "process", "no rule matches; auto: 5.2 GB are more than 4 GB"),
        (ON_GPU, "process", "no rule matches; auto: it computes on cuda"),
    ],
)
def test_without_rules_a_model_runs_where_it_suits(spec: Any, executor: str, why: str) -> None:
    assert route(spec, "auto", ()) == (executor, why)


def test_the_settings_decide_where_no_rule_matches() -> None:
    found = route(ON_GPU, "ray", [Rule("inprocess", model="Small")])
    assert found == ("ray", "no rule matches, and the settings say executor = 'ray'")


def test_the_first_rule_that_matches_wins_and_is_named() -> None:
    rules = [Rule("ray", model="Other*"), Rule("process", model="Sm*"), Rule("inprocess", model="Small")]
    assert route(SMALL, "auto", rules) == ("process", "rule 2 of the settings: model = 'Sm*' → process")


@pytest.mark.parametrize(
    ("rule", "matched"),
    [
        (Rule("ray"), {"Small", "Large", "FluxDev"}),
        (Rule("ray", task="text->image"), {"FluxDev"}),
        (Rule("ray", task="text -> text"), {"Small", "Large"}),
        (Rule("ray", model="*l*"), {"Small", "FluxDev"}),
        (Rule("ray", needs_gpu=True), {"FluxDev"}),
        (Rule("ray", needs_gpu=False, model="L*"), {"Large"}),
        (Rule("ray", strategy="predict"), set()),
        (Rule("ray", min_parameters=1e9), set()),
    ],
)
def test_a_rule_matches_when_all_of_it_holds(rule: Rule, matched: set[str]) -> None:
    assert {spec.name for spec in (SMALL, LARGE, ON_GPU) if matches(rule, spec)} == matched


def test_a_rule_may_be_for_sessions_alone() -> None:
    rules = [Rule("process", session=True)]
    assert route(SMALL, "auto", rules, session=True).executor == "process"
    assert route(SMALL, "auto", rules).executor == "inprocess"
    executor = RoutingExecutor(Settings(workers=1, rules=tuple(rules)))
    try:
        sessions = Sessions(executor)
        assert sessions.ask(sessions.open(), trouble_spec(), "a").worker == "process-0"
        assert executor.submit(Call(trouble_spec(), texts("a", "b"), (1, 2))).result(60).worker == "inprocess"
        done = executor.snapshot().models["Trouble"]
        assert (done.calls, done.items, sum(done.run.counts)) == (2, 3, 2)
    finally:
        executor.close()


def test_calls_go_where_their_models_are_routed() -> None:
    executor = RoutingExecutor(Settings(workers=1, rules=(Rule("process", model="Trouble"),)))
    try:
        results = [executor.submit(Call(spec, texts("a"), (1,))).result(60) for spec in (SMALL, trouble_spec())]
        assert [result.worker for result in results] == ["inprocess", "process-0"]
        assert executor.resident() == {"Small", "Trouble"}
        assert set(executor.snapshot().models) == {"Small", "Trouble"}
    finally:
        executor.close()


def test_a_worker_that_dies_is_never_replaced_by_another_executor() -> None:
    executor = RoutingExecutor(Settings(workers=1, rules=(Rule("process", model="Trouble"),)))
    try:
        with pytest.raises(ExecutionError):
            executor.submit(Call(trouble_spec(), texts("kill"), (1,))).result(60)
    finally:
        executor.close()
