"""Language models that answer by rule, for programs: what they make follows from what they are asked and the seed.

``Talker`` writes piece by piece, and knows schemas. A question with ``shy`` is answered badly under seed 7, one with
``mute`` always; one with ``endless`` is cut; ``refuse`` is an error and ``forget`` an answer that runs out of memory.
``Mumbler`` takes texts only, and answers in the marked fields that DSPy then asks for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from panic_tda.content import Content, Text
from panic_tda.errors import ModelCallFailed
from panic_tda.models.language import Emit, Ending, Prompt, Sampling, Usage
from panic_tda.models.model import ModelSpec, Parameter, Parameters, Placement
from support.models import fake_spec

_PARAMETERS = (
    Parameter("temperature", 0.5, "how far it strays", minimum=0.0, maximum=2.0),
    Parameter("max_tokens", 40, "longest answer", minimum=1),
    Parameter("template", "Say: {text}", "words around a text"),
)
TALKER = fake_spec("Talker", parameters=_PARAMETERS, loader="support.talkers:load_talker")
MUMBLER = fake_spec("Mumbler", parameters=_PARAMETERS, loader="support.talkers:load_mumbler")


@dataclass
class Heard:
    """One question that any of them was asked."""

    text: str
    seed: int
    parameters: dict[str, Any]
    prompt: Prompt = ()
    sampling: Sampling = field(default_factory=Sampling)

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Role and text of each message."""
        assert not isinstance(self.prompt, str)
        return [(message.role, message.text) for message in self.prompt]

    @property
    def schema(self) -> Any:
        """What the answer had to follow."""
        assert self.sampling.constraint is not None
        return json.loads(self.sampling.constraint.text)


@dataclass
class Mumbler:
    """Takes texts."""

    heard: ClassVar[list[Heard]] = []
    loaded: ClassVar[list[str]] = []
    closed: int = field(default=0)

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Text]:
        """An answer in DSPy's marked fields, or just the text and the seed."""
        return [
            self._said(cast("Text", each).value, seed, parameters) for each, seed in zip(inputs, seeds, strict=True)
        ]

    def close(self) -> None:
        """Counts."""
        self.closed += 1

    def _said(self, text: str, seed: int, parameters: Parameters) -> Text:
        self.heard.append(Heard(text, seed, dict(parameters)))
        if "[[ ##" not in text:
            return Text(f"{text} ({seed})")
        return Text("no fields at all" if _bad(text, seed) else "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]")


class Talker(Mumbler):
    """Writes."""

    def write(self, prompt: Prompt, seed: int, sampling: Sampling, emit: Emit) -> Ending:
        """JSON by the schema in two pieces, or the last message and the seed."""
        last = prompt if isinstance(prompt, str) else prompt[-1].text
        self.heard.append(Heard(last, seed, {}, prompt, sampling))
        if "refuse" in last:
            raise ModelCallFailed("the talker refuses")
        if "forget" in last:
            raise MemoryError("too much to remember")
        answer = f"{last} ({seed})" if sampling.constraint is None else _json(sampling.constraint.text, last, seed)
        emit(answer[:1])
        emit(answer[1:4] if "endless" in last else answer[1:])
        return Ending("length" if "endless" in last else "stop", Usage(3, 2))


def _json(schema: str, asked: str, seed: int) -> str:
    made = {name: _value(each, seed) for name, each in json.loads(schema)["properties"].items()}
    return "{}" if _bad(asked, seed) else json.dumps(made)


def _bad(text: str, seed: int) -> bool:
    return re.search(r"\bmute\b", text) is not None or (re.search(r"\bshy\b", text) is not None and seed == 7)


def _value(schema: dict[str, Any], seed: int) -> Any:
    if choices := schema.get("enum"):
        return choices[seed % len(choices)]
    return {"string": f"said {seed}", "integer": seed, "number": seed / 2, "boolean": True}[schema["type"]]


def load_talker(spec: ModelSpec, placement: Placement) -> Talker:
    """The loader of ``TALKER``."""
    Mumbler.loaded.append(spec.name)
    return Talker()


def load_mumbler(spec: ModelSpec, placement: Placement) -> Mumbler:
    """The loader of ``MUMBLER``."""
    Mumbler.loaded.append(spec.name)
    return Mumbler()
