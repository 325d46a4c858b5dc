"""What the tests of programs share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panic_tda.content import Content, Text
from panic_tda.models.model import ModelSpec
from panic_tda.programs.definition import Definition
from panic_tda.programs.making import program_spec
from panic_tda.runtime.executor import Executor
from panic_tda.runtime.result import Call


def entry(definition: Mapping[str, Any], **others: Mapping[str, Any]) -> ModelSpec:
    """A program called ``It`` among others, as a model."""
    entries = {"It": definition, **others}
    return program_spec("It", {name: Definition.from_json(each) for name, each in entries.items()})


def called(executor: Executor, spec: ModelSpec, *inputs: str | Content, seed: int = 7, **parameters: Any) -> list[Any]:
    """What became of each input: the text of a text, anything else as it is."""
    contents = tuple(Text(each) if isinstance(each, str) else each for each in inputs)
    result = executor.submit(Call(spec, contents, (seed,) * len(inputs), parameters)).result(timeout=120)
    return [each.value if isinstance(each, Text) else each for each in result.outputs]
