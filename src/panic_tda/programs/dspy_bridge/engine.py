"""DSPy's engine interface over a language model of ours: one request in, one response out.

``dspy.LM(engine=…)`` owns everything else. Nothing is kept from one request to the next, no key, no connection, no
cache, and LiteLLM is never imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from panic_tda.errors import InvalidOutput
from panic_tda.models import constraints
from panic_tda.models.language import Message, Written
from panic_tda.models.model import Parameters
from panic_tda.programs.asking import Ask, Messages

if TYPE_CHECKING:
    import dspy


class Engine:
    """Asks the model with ``seed`` and ``parameters``, as far as a request does not say otherwise.

    Where ``keeps_schemas``, the model holds an answer to the JSON Schema that an adapter asks for, and one that is not
    whole under it is a ``ConstraintError``. Any other that ran into its limit of tokens is refused with
    ``InvalidOutput``. :attr:`fault` holds these like any error of the model: DSPy wraps them in errors of its own.
    """

    def __init__(self, ask: Ask, parameters: Parameters, seed: int, *, keeps_schemas: bool) -> None:
        self._ask, self._parameters, self._seed = ask, parameters, seed
        self.supports_response_schema = keeps_schemas
        self.supported_params = {"temperature", "max_tokens", "top_p", "seed"}
        if keeps_schemas:
            self.supported_params.add("response_format")
        self.fault: Exception | None = None

    def complete(self, request: Any) -> Any:
        """DSPy's ``complete(Request) -> Response``."""
        from dspy import lm15

        try:
            answer = self._answer(request)
        except Exception as fault:
            self.fault = fault
            raise
        usage = answer.ending.usage
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(answer.text),
            finish_reason="stop",
            usage=lm15.Usage(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens),
        )

    def stream(self, request: Any) -> Iterator[Any]:
        """DSPy's ``stream(Request)``: the whole answer in one piece."""
        from dspy import lm15

        yield from lm15.response_to_events(self.complete(request))

    def close(self) -> None:
        """Nothing to close: the model is borrowed."""

    def _answer(self, request: Any) -> Written:
        config = request.config
        asked = {name: getattr(config, name) for name in ("temperature", "max_tokens", "top_p")}
        parameters = {**self._parameters, **{n: v for n, v in asked.items() if v is not None and n in self._parameters}}
        form = config.response_format or {}
        constraint = constraints.schema(form["schema"]) if "schema" in form else None
        seed = self._seed if config.seed is None else config.seed
        answer = self._ask(_messages(request), seed, parameters, constraint)
        if constraint is None and answer.ending.finish_reason == "length":
            raise InvalidOutput(f"the answer was cut at max_tokens {parameters.get('max_tokens')}")
        return answer


def language_model(name: str, engine: Engine) -> dspy.LM:
    """DSPy's language model over the engine, without its cache and its retries."""
    import dspy

    return dspy.LM(name, engine=engine, cache=False, num_retries=0)


def adapter(engine: Engine) -> dspy.Adapter:
    """How DSPy words its prompts: in JSON where the model keeps to schemas, with its own markers elsewhere."""
    import dspy

    return dspy.JSONAdapter() if engine.supports_response_schema else dspy.ChatAdapter()


def _messages(request: Any) -> Messages:
    system = request.system
    if system is not None and not isinstance(system, str):
        system = "".join(part.text for part in system)
    before = (Message("system", system),) if system else ()
    return (*before, *(Message(message.role, message.text or "") for message in request.messages))
