"""Parameters that models which write text have in common, so that a node is configured alike whatever computes it."""

from __future__ import annotations

from typing import Any, cast

from panic_tda.models.constraints import Constraint
from panic_tda.models.language import Sampling
from panic_tda.models.model import Parameter, Parameters

INSTRUCTIONS = {
    "rephrase": "Rephrase this sentence in other words:",
    "continue": "Write the next sentence of this story:",
    "summarise": "Say this in one short sentence:",
    "describe": "Describe this scene in one sentence:",
}
"""Short names, and the instructions they stand for."""

INSTRUCTION = Parameter("instruction", "rephrase", f"{', '.join(INSTRUCTIONS)}, or an instruction in your own words")
ABOUT_IMAGE = Parameter("instruction", "Describe this image briefly.", "what the model is asked about each image")


def temperature(default: float) -> Parameter:
    """How far sampling strays."""
    return Parameter("temperature", default, "randomness of sampling; 0 is greedy", minimum=0.0, maximum=5.0)


def top_p(default: float) -> Parameter:
    """The share of probability that is sampled from."""
    return Parameter("top_p", default, "share of probability that is sampled from", minimum=0.0, maximum=1.0)


def max_tokens(default: int, most: int, what: str = "longest answer") -> Parameter:
    """Where a text is cut."""
    return Parameter("max_tokens", default, what, minimum=1, maximum=most)


def one_line(default: bool) -> Parameter:
    """Whether only the first line counts."""
    return Parameter("one_line", default, "the answer ends at its first line break")


def sampling_by(parameters: Parameters, constraint: Constraint | None = None) -> Sampling:
    """The sampling that parameters of these names ask for; under a constraint an answer has as many lines as it allows.

    Raises ``ConfigurationError`` with every value that is out of range.
    """
    given = {name: parameters[name] for name in ("temperature", "top_p", "max_tokens") if name in parameters}
    stop = ("\n",) if parameters.get("one_line") and constraint is None else ()
    return Sampling(**cast("Any", given), stop=stop, constraint=constraint).checked()
