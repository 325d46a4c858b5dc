"""A program as data: what is stored, written in files, and pinned by experiments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from panic_tda.errors import ConfigurationError
from panic_tda.models.catalogue import nearest_names
from panic_tda.programs.signature import ProgramSignature

STRATEGIES = ("direct", "template", "predict", "chain_of_thought", "pipeline")
DSPY_STRATEGIES = ("predict", "chain_of_thought")

_REQUIRED = ("signature", "strategy", "model")
_KEYS = (*_REQUIRED, "parameters")
_SHOWN_BESIDES = ("name", "model_name", "version", "created_at")
"""What ``program show --json`` prints and a definition does not hold."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Signature, strategy, model and parameters. A pipeline names several models or programs, with commas between."""

    signature: str
    strategy: str
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: object) -> Definition:
        """Reads what :meth:`to_json` gives, and spells it in one way; ``model`` may be a list.

        Raises ``ConfigurationError`` with every fault, or ``SignatureError``.
        """
        if not isinstance(value, Mapping):
            raise ConfigurationError([f"a program is a mapping of keys, not {value!r}"[:200]])
        issues = [f"{key} is required" for key in _REQUIRED if key not in value]
        issues += [f"{key!r}: unknown key; {_near(str(key))}" for key in value if key not in (*_KEYS, *_SHOWN_BESIDES)]
        model = value.get("model", "")
        model = ", ".join(map(str, model)) if isinstance(model, list) else model
        texts = {"signature": value.get("signature", ""), "strategy": value.get("strategy", ""), "model": model}
        issues += [f"{key} must be a text, not {each!r}" for key, each in texts.items() if not isinstance(each, str)]
        parameters = value.get("parameters") or {}
        if not isinstance(parameters, Mapping) or not all(isinstance(key, str) for key in parameters):
            issues.append("parameters must be a mapping")
        if issues:
            raise ConfigurationError(issues)
        if texts["strategy"] not in STRATEGIES:
            near = nearest_names(texts["strategy"], STRATEGIES)
            hint = near if near.startswith("did") else f"the strategies are {', '.join(STRATEGIES)}"
            raise ConfigurationError([f"unknown strategy {texts['strategy']!r}"], hint=hint)
        signature = str(ProgramSignature.parse(texts["signature"]))
        models = ", ".join(name.strip() for name in texts["model"].split(","))
        return cls(signature, texts["strategy"], models, dict(parameters))

    def to_json(self) -> dict[str, Any]:
        """Signature, strategy, model and parameters."""
        return {key: getattr(self, key) for key in _REQUIRED} | {"parameters": dict(self.parameters)}

    @property
    def canonical(self) -> str:
        """The JSON text that is hashed: equal definitions give equal texts."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models, or programs, in order."""
        return tuple(self.model.split(", ")) if self.strategy == "pipeline" else (self.model,)

    @property
    def parsed(self) -> ProgramSignature:
        """The signature's fields; raises ``SignatureError``."""
        return ProgramSignature.parse(self.signature)


def _near(key: str) -> str:
    near = nearest_names(key, _KEYS)
    return near if near.startswith("did") else f"the keys are {', '.join(_KEYS)}"
