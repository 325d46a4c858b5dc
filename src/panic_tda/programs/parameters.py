"""The parameters of a program, sorted: those of its strategy, those for its model, and defaults of further inputs."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from panic_tda.errors import ConfigurationError
from panic_tda.models.model import ModelSpec, Parameter, ParameterValue, parameter_faults
from panic_tda.programs.definition import DSPY_STRATEGIES, Definition
from panic_tda.programs.signature import ProgramSignature

_DSPY = ("instructions", "demos", "attempts")
_OWN: dict[str, tuple[str, ...]] = {
    "direct": (),
    "template": ("template", "system"),
    "predict": _DSPY,
    "chain_of_thought": _DSPY,
    "pipeline": (),
}
_OF_A_CONVERSATION = ("temperature", "max_tokens", "top_p")
_WRAPPING = ("instruction", "template")
"""Parameters of models that put words around a text; a template of the program's own takes their place."""
ATTEMPTS = 3
LONGEST_ANSWER = 256


@dataclass(frozen=True, slots=True)
class Sorted:
    """``own`` of the strategy, ``model``: given for the model, ``inputs``: defaults of further inputs."""

    own: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)


def sorted_parameters(definition: Definition, signature: ProgramSignature, part: ModelSpec) -> Sorted:
    """Raises ``ConfigurationError`` with every parameter that is unknown or has a wrong value."""
    found, issues = Sorted(), []
    further = {each.name: each for each in signature.further}
    of_model = _for_the_model(definition.strategy, part)
    for name, value in definition.parameters.items():
        if name in _OWN[definition.strategy]:
            found.own[name] = value
        elif name in further:
            found.inputs[name] = value
            issues += [fault for fault in [further[name].fault(value)] if fault]
        elif name in of_model:
            found.model[name] = value
        else:
            known = ", ".join([*_OWN[definition.strategy], *further, *of_model]) or "none"
            issues.append(f"there is no parameter {name!r} (there are: {known})")
    taken = [name for name in further if name in (*_OWN[definition.strategy], *of_model)]
    issues += [f"the input {name} has the name of a parameter" for name in taken]
    issues += parameter_faults(part, found.model) if definition.strategy != "pipeline" else []
    issues += _faults_of_own(definition.strategy, found.own, signature)
    if issues:
        raise ConfigurationError(issues)
    return found


def complete(strategy: str, given: Mapping[str, Any], part: ModelSpec) -> dict[str, ParameterValue]:
    """Every parameter of the model for this strategy: the given ones over what the strategy prefers."""
    preferred: dict[str, ParameterValue] = {}
    if strategy in DSPY_STRATEGIES:
        preferred = {"max_tokens": LONGEST_ANSWER, "one_line": False}
    known = {parameter.name for parameter in part.parameters}
    return part.with_defaults({name: value for name, value in preferred.items() if name in known} | dict(given))


def node_parameters(signature: ProgramSignature, defaults: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """What a place in a network may, or must, say: the further inputs."""
    blank: dict[str, ParameterValue] = {"str": "", "int": 0, "float": 0.0, "bool": False}
    return tuple(
        Parameter(
            each.name,
            defaults.get(each.name, blank[each.type]),
            "an input of the program",
            choices=each.choices,
            required=each.name not in defaults,
        )
        for each in signature.further
    )


def placeholders(template: str) -> list[str]:
    """The names between braces; raises ``ValueError`` for anything else than plain names."""
    names = []
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(f"template: {{{name}}} is not an input; write {{{{ and }}}} for braces")
        names.append(name)
    return names


def _for_the_model(strategy: str, part: ModelSpec) -> list[str]:
    names = [parameter.name for parameter in part.parameters]
    if strategy == "pipeline":
        return []
    if strategy in DSPY_STRATEGIES:
        return [name for name in names if name in _OF_A_CONVERSATION]
    return names if strategy == "direct" else [name for name in names if name not in _WRAPPING]


def _faults_of_own(strategy: str, own: Mapping[str, Any], signature: ProgramSignature) -> Iterator[str]:
    for name in ("template", "system", "instructions"):
        if name in own and not (isinstance(own[name], str) and own[name].strip()):
            yield f"{name} must be a text, and not empty"
    if strategy == "template":
        yield from _faults_of_the_template(own.get("template"), signature)
    attempts = own.get("attempts", ATTEMPTS)
    if type(attempts) is not int or not 1 <= attempts <= 100:
        yield f"attempts must be a whole number from 1 to 100, not {attempts!r}"
    yield from _faults_of_the_demos(own.get("demos", []), signature, strategy)


def _faults_of_the_template(template: object, signature: ProgramSignature) -> Iterator[str]:
    names = [each.name for each in signature.inputs]
    if not isinstance(template, str):
        example = " ".join(f"{{{name}}}" for name in names)
        yield f"template is required, a text with the inputs between braces: {example}"
        return
    try:
        used = placeholders(template)
    except ValueError as fault:
        yield str(fault)
        return
    yield from (f"template: there is no input {name!r}" for name in dict.fromkeys(used) if name not in names)
    yield from (f"template: the input {{{name}}} does not occur" for name in names if name not in used)


def _faults_of_the_demos(demos: object, signature: ProgramSignature, strategy: str) -> Iterator[str]:
    if not isinstance(demos, list) or not all(isinstance(demo, dict) for demo in demos):
        yield "demos must be a list of mappings from fields to values"
        return
    fields = {each.name: each for each in (*signature.inputs, *signature.outputs)}
    free = {"reasoning"} if strategy == "chain_of_thought" else set()
    for index, demo in enumerate(demos):
        yield from (f"demos[{index}]: there is no field {name!r}" for name in demo if name not in fields.keys() | free)
        for name, value in demo.items():
            if name in fields and (fault := fields[name].fault(value)):
                yield f"demos[{index}]: {fault}"
