"""From definitions to models: a program becomes a catalogue entry that carries everything a worker needs.

Its name is ``NAME@HASH`` with the start of the hash of its definition and of what it is made of, so that another
definition is another model, wherever models go by their names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from panic_tda.errors import ConfigurationError, SignatureError, UnknownModel
from panic_tda.models.catalogue import catalogue, find, look_up, nearest_names, remember
from panic_tda.models.model import ModelSpec, Tier
from panic_tda.programs.definition import DSPY_STRATEGIES, Definition
from panic_tda.programs.parameters import node_parameters, sorted_parameters
from panic_tda.programs.types import FAMILY, check_types

_MOST_PARTS = 100
_TIERS = (Tier.EXACT, Tier.SEEDED, Tier.FREE)


def program_spec(name: str, definitions: Mapping[str, Definition]) -> ModelSpec:
    """The entry of a program, among ``definitions`` of the programs it may name; the catalogue finds it from now on.

    Raises ``SignatureError``, ``ConfigurationError`` or ``UnknownModel``.
    """
    spec = _made(name, definitions, ())
    remember(spec.name, _Maker(name, dict(needed(name, definitions))))
    return spec


def needed(name: str, definitions: Mapping[str, Definition]) -> Iterator[tuple[str, Definition]]:
    """The program and the programs it is made of, each once."""
    waiting, seen = [name], set[str]()
    while waiting:
        if (each := waiting.pop()) in definitions and each not in seen:
            seen.add(each)
            yield each, definitions[each]
            waiting += definitions[each].models


class _Maker:
    """Makes the entry anew when one of its models was changed by the settings or the shelf, and not before."""

    def __init__(self, name: str, definitions: Mapping[str, Definition]) -> None:
        self._name, self._definitions = name, definitions
        steps = dict.fromkeys(step for each in definitions.values() for step in each.models)
        self._models = [step for step in steps if step not in definitions]
        self._known: tuple[list[ModelSpec], ModelSpec] | None = None

    def __call__(self) -> ModelSpec:
        models = [find(model) for model in self._models]
        if self._known is None or any(new is not old for new, old in zip(models, self._known[0], strict=True)):
            self._known = models, _made(self._name, self._definitions, ())
        return self._known[1]


def _made(name: str, definitions: Mapping[str, Definition], above: tuple[str, ...]) -> ModelSpec:
    if name in above:
        circle = " → ".join([*above[above.index(name) :], name])
        raise ConfigurationError([f"programs may not contain themselves: {circle}"])
    definition = definitions[name]
    signature = definition.parsed
    parts = tuple(_part(step, definitions, (*above, name)) for step in definition.models)
    if sum(1 for part in parts for _ in part.whole()) > _MOST_PARTS:
        raise ConfigurationError([f"program {name} is made of more than {_MOST_PARTS} parts"])
    try:
        check_types(definition, signature, parts)
        given = sorted_parameters(definition, signature, parts[0])
    except SignatureError as fault:
        raise SignatureError(f"program {name}: {fault.message}", hint=fault.hint) from None
    except ConfigurationError as fault:
        raise ConfigurationError([f"program {name}: {issue}" for issue in fault.issues], hint=fault.hint) from None
    with_dspy = definition.strategy in DSPY_STRATEGIES
    return ModelSpec(
        name=f"{name}@{_digest(definition, parts)}",
        family=FAMILY,
        signature=signature.kinds,
        summary=f"{definition.strategy}: {signature}",
        loader="panic_tda.programs.loading:load",
        licence=_together(part.licence for part in parts),
        source="a program",
        twin="tests/programs/test_loading.py",
        memory_bytes=0,
        parameters=node_parameters(signature, given.inputs),
        tier=max((part.tier for part in parts), key=_TIERS.index),
        batch_size=1 if with_dspy else min(part.batch_size for part in parts),
        synthetic=any(part.synthetic for part in parts),
        requires=("dspy",) if with_dspy else (),
        extra="dspy" if with_dspy else "",
        non_commercial=any(part.non_commercial for part in parts),
        dtype=_together(part.dtype for part in parts),
        device=_together(part.device for part in parts),
        options=(
            ("signature", str(signature)),
            ("strategy", definition.strategy),
            ("definition", definition.canonical),
        ),
        parts=parts,
    )


def _part(step: str, definitions: Mapping[str, Definition], above: tuple[str, ...]) -> ModelSpec:
    if step in definitions:
        return _made(step, definitions, above)
    spec = look_up(step) if "@" not in step else None  # what was made from other data is no name to rely on
    if spec is None:
        near = nearest_names(step, [*catalogue(), *definitions])
        raise UnknownModel(f"program {above[-1]}: unknown model {step!r}", hint=near)
    return spec


def _digest(definition: Definition, parts: Sequence[ModelSpec]) -> str:
    """Of the definition and the names of its parts, which hold the hashes of those that are programs."""
    told = json.dumps([definition.canonical, [part.name for part in parts]])
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def _together(facts: Iterator[str]) -> str:
    return ", ".join(dict.fromkeys(facts))
