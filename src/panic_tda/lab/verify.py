"""Executing invocations again, and comparing what comes out with what is recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from panic_tda.content import Content
from panic_tda.errors import PanicError, RequestError
from panic_tda.lab.named_programs import remember_programs
from panic_tda.lab.network import Node
from panic_tda.lab.preflight import preflight
from panic_tda.lab.progress import Pace
from panic_tda.lab.workbench import Workbench
from panic_tda.models.catalogue import find, look_up
from panic_tda.models.model import Tier
from panic_tda.runtime.result import Call
from panic_tda.store.experiments import find_experiment
from panic_tda.store.model_versions import is_historical
from panic_tda.store.outputs import load_outputs
from panic_tda.store.sampling import Recorded, sample_invocations
from panic_tda.store.statements import chunks

DEFAULT_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An invocation that gave something else this time, or nothing (``fault``)."""

    invocation_id: str
    run_id: str
    sequence_number: int
    model: str
    recorded: str
    found: str | None
    fault: str | None = None


@dataclass
class Verification:
    """How many invocations were ``checked`` and how many ``matched`` bit for bit.

    ``unverifiable`` counts, by model and reason, what cannot be executed again: another version of the model is
    installed, it is historical or not in the catalogue any more, or its results are not repeatable (tier ``free``).
    """

    checked: int = 0
    matched: int = 0
    mismatched: list[Mismatch] = field(default_factory=list)
    unverifiable: dict[str, int] = field(default_factory=dict)


def verify(
    bench: Workbench, name: str, *, sample: int | None = DEFAULT_SAMPLE, rng: np.random.Generator | None = None
) -> Verification:
    """Executes ``sample`` invocations of an experiment again (None: all), with the recorded inputs and seeds.

    Raises ``RequestError`` when there is nothing that can be executed again.
    """
    with bench.record.reading() as connection:
        key = find_experiment(connection, name).id
        remember_programs(connection)
        drawn = sample_invocations(connection, key, sample, rng or np.random.default_rng())
    result = Verification()
    groups: dict[tuple[str, str], list[Recorded]] = {}
    for each in drawn:
        if reason := _obstacle(each):
            result.unverifiable[reason] = result.unverifiable.get(reason, 0) + 1
        else:
            groups.setdefault((each.model, json.dumps(each.parameters, sort_keys=True)), []).append(each)
    if not groups:
        reasons = "; ".join(result.unverifiable) or "it has no invocations yet"
        raise RequestError(f"nothing of experiment {key} can be executed again: {reasons}")
    preflight({model: find(model) for model, _ in groups}, bench.executor)
    pace = Pace("verify", done=0, remaining=_remaining(groups), report=bench.report)
    pace.tell()
    for group in groups.values():
        _verify_group(bench, group, result, pace)
    return result


def _remaining(groups: dict[tuple[str, str], list[Recorded]]) -> dict[str, int]:
    remaining: dict[str, int] = {}
    for (model, _), group in groups.items():
        remaining[model] = remaining.get(model, 0) + len(group)
    return remaining


def _obstacle(recorded: Recorded) -> str | None:
    if is_historical(recorded.version):
        return f"{recorded.model} is a historical model, which was imported and is never executed"
    spec = look_up(recorded.model)
    if spec is None:
        return f"{recorded.model} is not in the catalogue"
    if spec.version != recorded.version:
        return f"{recorded.model} is installed as {spec.version}, it was {recorded.version}"
    return f"{recorded.model} does not repeat itself (tier free)" if spec.tier is Tier.FREE else None


def _verify_group(bench: Workbench, group: Sequence[Recorded], result: Verification, pace: Pace) -> None:
    node = Node(group[0].model, tuple(sorted(group[0].parameters.items())))
    for piece in chunks(group, bench.batch_size_of(node.spec)):
        if bench.stop.is_set():
            return
        with bench.record.reading() as connection:
            inputs = load_outputs(connection, [each.input_id for each in piece])
        call = Call(
            node.spec,
            tuple(inputs[each.input_id] for each in piece),
            tuple(each.seed for each in piece),
            dict(node.parameters),
        )
        try:
            done = bench.executor.submit(call).result()
        except PanicError as fault:
            result.mismatched += [_mismatch(each, fault) for each in piece]
            seconds = 0.0
        else:
            seconds = done.timings.run_s
            for each, outcome in zip(piece, done.outputs, strict=True):
                if isinstance(outcome, Content) and outcome.sha256 == each.output_id:
                    result.matched += 1
                else:
                    result.mismatched.append(_mismatch(each, outcome))
        result.checked += len(piece)
        pace.advance(node.model, len(piece), seconds)
        pace.tell(node.label)


def _mismatch(recorded: Recorded, outcome: object) -> Mismatch:
    found = outcome.sha256 if isinstance(outcome, Content) else None
    fault = str(outcome) if isinstance(outcome, PanicError) else None
    place = (recorded.id, recorded.run_id, recorded.sequence_number)
    return Mismatch(*place, recorded.model, recorded.output_id, found, fault)
