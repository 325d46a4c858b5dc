"""Whether the parts of a program fit its signature, and each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from panic_tda.errors import SignatureError
from panic_tda.models.model import ModelSpec
from panic_tda.programs.definition import DSPY_STRATEGIES, Definition
from panic_tda.programs.fields import Field
from panic_tda.programs.signature import ProgramSignature
from panic_tda.signature import Kind, Signature

FAMILY = "program"
_TEXT_TO_TEXT = Signature(Kind.TEXT, Kind.TEXT)


def signature_of(spec: ModelSpec) -> ProgramSignature:
    """The signature of a program; that of a model has an ``input`` and an ``output``."""
    if spec.family == FAMILY:
        return ProgramSignature.parse(str(spec.option("signature")))
    types = {Kind.TEXT: "str", Kind.IMAGE: "Image", Kind.VECTOR: "str"}
    given, made = types[spec.signature.input], types[spec.signature.output]
    return ProgramSignature((Field("input", given),), (Field("output", made),))


def check_types(definition: Definition, signature: ProgramSignature, parts: Sequence[ModelSpec]) -> None:
    """Raises ``SignatureError`` with everything that does not fit."""
    faults = [f"{part.name} is an embedder; programs are made of generators" for part in parts if part.dims]
    if not faults:
        faults = _faults_of_the_chain(signature, parts) if definition.strategy == "pipeline" else []
        faults += _faults_of_one(definition.strategy, signature, parts[0]) if definition.strategy != "pipeline" else []
    if faults:
        raise SignatureError("; ".join(faults), hint=f"the signature is: {signature}")


def _faults_of_one(strategy: str, signature: ProgramSignature, part: ModelSpec) -> list[str]:
    several = [side for side, fields in (("input", signature.inputs), ("output", signature.outputs)) if len(fields) > 1]
    if strategy == "direct" and several:
        return [f"direct takes one input and makes one output; it has several {' and '.join(several)}s"]
    if strategy == "template" and "output" in several:
        return ["template makes one output; predict and chain_of_thought make several"]
    if strategy in DSPY_STRATEGIES and (signature.kinds != _TEXT_TO_TEXT or part.signature != _TEXT_TO_TEXT):
        return [f"{strategy} is for texts: {part.name} is {part.signature}, the program {signature.kinds}"]
    taken = Kind.TEXT if strategy == "template" else signature.kinds.input
    if strategy == "template" and signature.kinds.input is Kind.IMAGE:
        return ["an image does not go into a template"]
    wanted = Signature(taken, signature.kinds.output)
    return [] if part.signature == wanted else [f"{part.name} is {part.signature}, {strategy} needs {wanted}"]


def _faults_of_the_chain(signature: ProgramSignature, parts: Sequence[ModelSpec]) -> list[str]:
    steps = [signature_of(part) for part in parts]
    faults = [
        f"{part.name} makes several outputs, and nothing says which one goes on"
        for part, step in zip(parts, steps, strict=True)
        if len(step.outputs) > 1
    ]
    if len(signature.outputs) > 1:
        faults.append("a pipeline makes one output, that of its last step")
    givers = [
        ("the pipeline", signature.inputs[0]),
        *((p.name, s.outputs[0]) for p, s in zip(parts, steps, strict=True)),
    ]
    takers = [
        *((p.name, s.inputs[0]) for p, s in zip(parts, steps, strict=True)),
        ("the pipeline", signature.outputs[0]),
    ]
    faults += [
        f"{taker} takes {_type(wanted)}, {giver} gives {_type(given)}"
        for (giver, given), (taker, wanted) in zip(givers, takers, strict=True)
        if not _fits(given, wanted)
    ]
    return faults + _faults_of_further(signature, parts, steps)


def _faults_of_further(
    signature: ProgramSignature, parts: Sequence[ModelSpec], steps: Sequence[ProgramSignature]
) -> list[str]:
    """Further inputs of steps come from the pipeline's of the same name, or have defaults of their own."""
    own = {field.name: field for field in signature.further}
    faults, used = [], set()
    for part, step in zip(parts, steps, strict=True):
        has_default = _with_defaults(part)
        for field in step.further:
            used.add(field.name)
            if field.name not in own and field.name not in has_default:
                faults.append(f"{part.name} needs {field.name}, which is no further input of the pipeline")
            elif field.name in own and not _fits(own[field.name], field):
                faults.append(f"{part.name} takes {_type(field)} as {field.name}, not {_type(own[field.name])}")
    return faults + [f"no step takes the input {name}" for name in own if name not in used]


def _with_defaults(part: ModelSpec) -> Collection[str]:
    return {parameter.name for parameter in part.parameters if not parameter.required}


def _fits(given: Field, wanted: Field) -> bool:
    """Whether every value of the one is a value of the other; a free text takes anything that is written."""
    if given.kind is not wanted.kind:
        return False
    if wanted.choices:
        return bool(given.choices) and set(given.choices) <= set(wanted.choices)
    return wanted.type in ("str", given.type) or (given.type, wanted.type) == ("int", "float")


def _type(field: Field) -> str:
    return str(field).partition(": ")[2] or "str"
