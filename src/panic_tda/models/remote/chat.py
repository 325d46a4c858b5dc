"""Text → text and image → text: one chat request for each input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed, ModelError, SignatureError
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.models.remote.asking import Asking, asking
from panic_tda.models.remote.requests import chat_request


class RemoteChat:
    """Answers each text, or says what is in each image."""

    def __init__(self, spec: ModelSpec, asked: Asking) -> None:
        self._spec = spec
        self._asking = asked

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> list[Text | ModelError]:
        """One answer for each input, stripped of outer white space; one that was cut at ``max_tokens`` counts."""

        def answer(content: Content, seed: int) -> Text:
            reply = self._asking.ask("/chat/completions", chat_request(self._spec, content, seed, parameters))
            said = answered(self._spec.name, reply)
            return _text(self._spec.name, said.partition("\n")[0].strip() if parameters.get("one_line") else said)

        return self._asking.each(answer, inputs, seeds)

    def close(self) -> None:
        """Closes the connections."""
        self._asking.close()


def load(spec: ModelSpec, placement: Placement) -> RemoteChat:
    """Opens no connection yet; raises ``PrerequisiteError`` when offline or without the key."""
    return RemoteChat(spec, asking(spec))


def answered(name: str, reply: Mapping[str, Any]) -> str:
    """The text of the first choice; raises ``InvalidOutput`` for none, ``ModelCallFailed`` for a refusal."""
    try:
        choice = reply["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        content, refusal = message.get("content"), message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise InvalidOutput(f"{name}: the answer holds no choice with a message") from None
    if refusal or reason == "content_filter":
        raise ModelCallFailed(f"{name} refused this input: {str(refusal or 'content filter')[:200]!r}")
    if not (content is None or isinstance(content, str)):
        raise InvalidOutput(f"{name}: the content of the answer is no text but {type(content).__name__}")
    if not (said := (content or "").strip()):
        cut = " (all of max_tokens went elsewhere, perhaps into reasoning)" if reason == "length" else ""
        raise InvalidOutput(f"{name}: the answer is empty{cut}")
    return said


def _text(name: str, value: str) -> Text:
    try:
        return Text(value)
    except SignatureError as fault:
        raise InvalidOutput(f"{name}: {fault.message}") from None
