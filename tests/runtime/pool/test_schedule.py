"""The queue of a pool: whoever can do something is told."""

from __future__ import annotations

from functools import partial

from panic_tda.runtime.pool.placing import Accelerator
from panic_tda.runtime.pool.schedule import Schedule
from panic_tda.runtime.residency import Budget
from panic_tda.runtime.result import Call
from support.contents import texts
from support.models import fake_spec
from support.threads import beside
from support.waiting import eventually


def is_there(schedule: Schedule, me: int) -> bool:
    return not schedule._workers[me].gone


def test_calls_that_come_at_once_go_to_all_idle_workers_though_each_call_is_for_one() -> None:
    schedule = Schedule([Accelerator.SHARED] * 3, budget=Budget(2**30), max_queue=9, queue_timeout_s=0)
    tasks = []
    for me in (2, 1, 0):  # the last to wait is the first to whom a call goes
        tasks.append(beside(schedule.next, me, lambda: False))
        assert eventually(partial(is_there, schedule, me))
    with schedule._changed:
        for _ in tasks:
            schedule.put(Call(fake_spec(), texts("a"), (1,)))
    assert [task.result(timeout=20).job is not None for task in tasks] == [True] * 3
    schedule.close()
