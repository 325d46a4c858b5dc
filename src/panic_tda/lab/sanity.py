"""Does a model make sense before it works for weeks? One cycle on a few prompts, looked at closely.

A model is called insane when every output is degenerate (empty, one colour, one word or character again and
again, nothing printable), or when different inputs all give one and the same output.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from panic_tda.content import Content, Image, Text, degeneracy
from panic_tda.errors import InsanePreview, PanicError
from panic_tda.lab.experiment import Experiment
from panic_tda.lab.network import Network, Node
from panic_tda.lab.workbench import Workbench
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.result import Call
from panic_tda.store.settings import read_setting, sanity_key, write_setting

LONG_RUN = 1_000
"""Invocations from which an experiment is worth a preview."""

_PROMPTS = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """``complaint`` is empty when the outputs make sense."""

    model: str
    complaint: str
    examples: tuple[str, ...]


def judge(model: str, inputs: Sequence[Content], outputs: Sequence[Content]) -> Verdict:
    """Looks at a model's outputs for different inputs."""
    reasons = [degeneracy(output) for output in outputs]
    examples = tuple(_shown(output) for output in outputs)
    if outputs and all(reasons):
        return Verdict(model, f"every output is {' or '.join(sorted({str(reason) for reason in reasons}))}", examples)
    distinct_inputs = len({content.sha256 for content in inputs})
    if distinct_inputs >= 2 and len({output.sha256 for output in outputs}) == 1:
        return Verdict(model, f"{distinct_inputs} different inputs all give the same output", examples)
    return Verdict(model, "", examples)


def gate(bench: Workbench, experiment: Experiment, *, accept: bool = False) -> list[Verdict]:
    """Previews the models of a long experiment that were not judged yet, and remembers the verdicts.

    Raises ``InsanePreview`` on a complaint unless ``accept``, which is remembered too; synthetic models are not
    judged.
    """
    if sum(experiment.calls_of_each_model().values()) < LONG_RUN:
        return []
    unjudged = {spec.name for spec in experiment.models().values() if _needs_judging(bench, spec)}
    verdicts: dict[str, Verdict] = {}
    for network in experiment.networks:
        if unjudged & {node.model for node in network.nodes}:
            prompts = [prompt for prompt in experiment.prompts if prompt.kind is network.takes][:_PROMPTS]
            for verdict in preview(bench, network, prompts):
                if verdict.model in unjudged and not (verdict.model in verdicts and not verdict.complaint):
                    verdicts[verdict.model] = verdict
    _remember(bench, experiment, verdicts.values(), accept)
    complaints = [verdict for verdict in verdicts.values() if verdict.complaint]
    if complaints and not accept:
        raise _insane(complaints[0])
    for verdict in complaints:
        bench.warn(f"{verdict.model}: on trial inputs {verdict.complaint}; accepted")
    return complaints


def preview(bench: Workbench, network: Network, prompts: Sequence[Content]) -> list[Verdict]:
    """Runs one cycle of a network on a few prompts and judges each of its models."""
    verdicts = []
    inputs: list[Content] = list(prompts)
    for node in network.nodes:
        answered = _answers(bench, node, inputs)
        outputs = [output for _, output in answered]
        verdicts.append(judge(node.model, [given for given, _ in answered], outputs))
        inputs = outputs
    return verdicts


def _answers(bench: Workbench, node: Node, inputs: Sequence[Content]) -> list[tuple[Content, Content]]:
    """(input, output) for each input that did not fail; raises the first failure when all did."""
    call = Call(node.spec, tuple(inputs), tuple(range(len(inputs))), dict(node.parameters))
    outcomes = bench.executor.submit(call).result().outputs
    faults = [outcome for outcome in outcomes if isinstance(outcome, PanicError)]
    if len(faults) == len(outcomes):
        raise faults[0]
    return [
        (given, outcome) for given, outcome in zip(inputs, outcomes, strict=True) if isinstance(outcome, (Text, Image))
    ]


def _needs_judging(bench: Workbench, spec: ModelSpec) -> bool:
    if spec.synthetic or not spec.signature.is_generator:
        return False
    with bench.record.reading() as connection:
        known = read_setting(connection, sanity_key(spec.name, spec.version))
    return known is None or (bool(known["complaint"]) and not known["accepted"])


def _remember(bench: Workbench, experiment: Experiment, verdicts: Iterable[Verdict], accept: bool) -> None:
    specs = experiment.models()
    with bench.record.writing() as connection:
        for verdict in verdicts:
            remember_verdict(connection, specs[verdict.model], verdict, accept=accept)


def remember_verdict(connection: Connection, spec: ModelSpec, verdict: Verdict, *, accept: bool) -> None:
    """Keeps a verdict with the record; what was accepted once stays accepted while the complaint is the same."""
    key = sanity_key(spec.name, spec.version)
    known = read_setting(connection, key)
    accepted = accept or bool(known and known["accepted"] and known["complaint"] == verdict.complaint)
    value = {"complaint": verdict.complaint, "accepted": accepted, "examples": list(verdict.examples)}
    write_setting(connection, key, value)


def _insane(verdict: Verdict) -> InsanePreview:
    return InsanePreview(
        f"{verdict.model} makes rubbish on trial inputs: {verdict.complaint} (for instance {verdict.examples[0]})",
        hint="look at its parameters, or add --accept to go on all the same",
    )


def _shown(content: Content) -> str:
    if isinstance(content, Text):
        return repr(content.value[:80])
    return f"image {content.width}x{content.height} {content.sha256[:12]}"
