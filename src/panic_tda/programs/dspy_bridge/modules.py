"""DSPy's modules from definitions, and definitions from DSPy's modules: what an optimiser made is stored as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args, get_origin

from panic_tda.errors import SignatureError
from panic_tda.programs.definition import Definition

if TYPE_CHECKING:
    pass

_REASONING = "reasoning"


def module_of(definition: Definition) -> Any:
    """``dspy.Predict`` or ``dspy.ChainOfThought`` with the instructions and demos of the definition."""
    import dspy

    signature = dspy.Signature(str(definition.parsed), definition.parameters.get("instructions"))
    module = dspy.Predict(signature) if definition.strategy == "predict" else dspy.ChainOfThought(signature)
    for predictor in module.predictors():
        predictor.demos = [dspy.Example(**demo) for demo in definition.parameters.get("demos", [])]
    return module


def definition_from(module: Any, model: str, parameters: Mapping[str, Any] | None = None) -> Definition:
    """The definition of a ``dspy.Predict`` or ``dspy.ChainOfThought``, optimised or not, over a model of ours.

    ``parameters`` are those of the model, such as ``temperature``. Raises ``SignatureError`` for any other module, and
    for types that programs do not have.
    """
    import dspy

    if not isinstance(module, (dspy.Predict, dspy.ChainOfThought)):
        raise SignatureError(f"a {type(module).__name__} is neither a dspy.Predict nor a dspy.ChainOfThought")
    thinks = isinstance(module, dspy.ChainOfThought)
    [predictor] = module.predictors()
    outputs = {
        name: field for name, field in predictor.signature.output_fields.items() if not (thinks and name == _REASONING)
    }
    signature = f"{_written(predictor.signature.input_fields)} -> {_written(outputs)}"
    learnt = {"instructions": predictor.signature.instructions, "demos": _demos(predictor, predictor.signature.fields)}
    given = {"signature": signature, "strategy": "chain_of_thought" if thinks else "predict", "model": model}
    return Definition.from_json({**given, "parameters": {**(parameters or {}), **learnt}})


def parameters_from_state(state: Mapping[str, Any]) -> dict[str, Any] | None:
    """Instructions and demos from the JSON that ``module.save("….json")`` wrote, or None when it is something else."""
    found = state.get("predict", state)
    if not (isinstance(found, Mapping) and isinstance(found.get("signature"), Mapping) and "demos" in found):
        return None
    demos = [{name: value for name, value in demo.items() if name != "augmented"} for demo in found["demos"]]
    return {"instructions": found["signature"].get("instructions"), "demos": demos}


def _demos(predictor: Any, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{name: demo[name] for name in fields if name in demo} for demo in predictor.demos]


def _written(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {_type(field.annotation)}" for name, field in fields.items())


def _type(annotation: Any) -> str:
    from typing import Literal

    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(annotation)))}]"
    return getattr(annotation, "__name__", str(annotation))
