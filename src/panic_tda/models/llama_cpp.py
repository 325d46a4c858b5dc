"""Asking llama.cpp for an answer, piece by piece."""

from __future__ import annotations

import json
from typing import Any

from panic_tda.errors import ModelCallFailed
from panic_tda.models.language import Emit, Ending, Prompt, Sampling, Usage

# llama.cpp takes 32 bits, and reads the highest value as "draw one".
SEEDS = 2**32 - 1


def write(name: str, server: Any, prompt: Prompt, seed: int, sampling: Sampling, emit: Emit) -> Ending:
    """See :class:`~panic_tda.models.language.LanguageModel`."""
    hearing = _Hearing(name, emit)
    ask = server.handle_completions if isinstance(prompt, str) else server.handle_chat_completions
    ask(json.dumps(asked(prompt, seed, sampling)), hearing)
    return hearing.ending()


def asked(prompt: Prompt, seed: int, sampling: Sampling) -> dict[str, Any]:
    """The request: every sampling setting is written out."""
    said: dict[str, Any] = (
        {"prompt": prompt}
        if isinstance(prompt, str)
        else {"messages": [{"role": message.role, "content": message.text} for message in prompt]}
    )
    settings = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "seed": seed % SEEDS,
        "stop": list(sampling.stop),
        "cache_prompt": False,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    constrained = {"grammar": sampling.constraint.lark} if sampling.constraint else {}
    return {**said, **settings, **constrained}


class _Hearing:
    """What llama.cpp calls with each chunk; true stops it. Nothing may be raised through its C++."""

    def __init__(self, name: str, emit: Emit) -> None:
        self._name = name
        self._emit = emit
        self._reason = ""
        self._usage = Usage()
        self._drawn = 0
        self._fault: BaseException | None = None
        self._stopped = False

    def __call__(self, chunk: str) -> bool:
        try:
            self._hear(json.loads(chunk))
        except BaseException as fault:
            self._fault, self._stopped = fault, True
        return self._stopped

    def ending(self) -> Ending:
        """Why it ended; raises what went wrong."""
        if self._fault is not None:
            raise self._fault
        if self._stopped:
            return Ending("cancelled", Usage(self._usage.prompt_tokens, self._drawn))
        return Ending("length" if self._reason == "length" else "stop", self._usage)

    def _hear(self, chunk: dict[str, Any]) -> None:
        if fault := chunk.get("error"):
            raise ModelCallFailed(f"{self._name}: {fault.get('message', fault)}")
        for choice in chunk["choices"]:
            self._reason = choice["finish_reason"] or self._reason
            if piece := choice.get("text") or choice.get("delta", {}).get("content"):
                self._drawn += 1
                self._stopped = not self._emit(piece)
        if usage := chunk.get("usage"):
            self._usage = Usage(usage["prompt_tokens"], usage["completion_tokens"])
