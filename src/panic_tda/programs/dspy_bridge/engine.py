"""DSPy's engine interface over a language model of ours: one request in, one response out.

``dspy.LM(engine=…)`` owns everything else. Nothing is kept from one request to the next, no key, no connection, no
cache, and LiteLLM is never imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from panic_tda.errors import InvalidOutput
from panic_tda.models.conversation import Answer, Conversation, Message
from panic_tda.models.model import ParameterValue
from panic_tda.programs.asking import Ask

if TYPE_CHECKING:
    import dspy


class Engine:
    """Asks the model with ``seed`` and ``parameters``, as far as a request does not say otherwise.

    Where ``keeps_schemas``, the model holds an answer to the JSON Schema that an adapter asks for. An answer that ran
    into its limit of tokens is refused with ``InvalidOutput``, which :attr:`fault` then holds like any other error of
    the model: DSPy wraps them in errors of its own.
    """

    def __init__(self, ask: Ask, parameters: Mapping[str, ParameterValue], seed: int, *, keeps_schemas: bool) -> None:
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
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(answer.text),
            finish_reason="stop",
            usage=lm15.Usage(input_tokens=answer.prompt_tokens, output_tokens=answer.answer_tokens),
        )

    def stream(self, request: Any) -> Iterator[Any]:
        """DSPy's ``stream(Request)``: the whole answer in one piece."""
        from dspy import lm15

        yield from lm15.response_to_events(self.complete(request))

    def close(self) -> None:
        """Nothing to close: the model is borrowed."""

    def _answer(self, request: Any) -> Answer:
        config = request.config
        asked = {name: getattr(config, name) for name in ("temperature", "max_tokens", "top_p")}
        parameters = {**self._parameters, **{n: v for n, v in asked.items() if v is not None and n in self._parameters}}
        form = config.response_format or {}
        conversation = Conversation(_messages(request), json.dumps(form["schema"]) if "schema" in form else "")
        answer = self._ask(conversation, self._seed if config.seed is None else config.seed, parameters)
        if not answer.whole:
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


def _messages(request: Any) -> tuple[Message, ...]:
    system = request.system
    if system is not None and not isinstance(system, str):
        system = "".join(part.text for part in system)
    before = (Message("system", system),) if system else ()
    return (*before, *(Message(message.role, message.text or "") for message in request.messages))
