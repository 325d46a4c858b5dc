"""An answer while it is written, and what it is when it is done."""

from __future__ import annotations

from dataclasses import dataclass

from panic_tda.content import Content, Text
from panic_tda.models.constraints import Constraint, require_accepted
from panic_tda.models.language import FinishReason, Prompt, Sampling, Usage
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.result import Timings
from panic_tda.services.host import Host


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer: its content, the seed that repeats it, why it ended, and its tokens."""

    output: Content
    seed: int
    finish_reason: FinishReason
    usage: Usage


class TextStream:
    """An answer piece by piece. Iterate over it; close it to stop early, or use it as a context manager.

    ``seed`` repeats it. ``completion`` and ``timings`` are there after the last piece. Under a constraint, an answer
    that does not come to an end raises ``ConstraintError`` after its last piece.
    """

    def __init__(
        self, host: Host, spec: ModelSpec, prompt: Prompt, seed: int, sampling: Sampling, *, owns_host: bool = False
    ) -> None:
        """``owns_host``: the host is closed together with the stream."""
        self.model = spec.reference
        self.seed = seed
        self.completion: Completion | None = None
        self._name = spec.name
        self._constraint: Constraint | None = sampling.constraint
        self._said: list[str] = []
        self._own = host if owns_host else None
        self._answer = host.write(spec, prompt, seed, sampling)

    def __enter__(self) -> TextStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> TextStream:
        return self

    def __next__(self) -> str:
        try:
            piece = next(self._answer)
        except BaseException as end:
            self.close()
            if isinstance(end, StopIteration):
                self._conclude()
            raise
        self._said.append(piece)
        return piece

    @property
    def timings(self) -> Timings:
        """Seconds spent waiting, loading and writing."""
        return self._answer.timings

    def close(self) -> None:
        """Stops at the next token, and returns when the model is free."""
        self._answer.close()
        if self._own is not None:
            self._own.close()
            self._own = None

    def _conclude(self) -> None:
        ending = self._answer.ending
        if ending is None or self.completion is not None:
            return
        text = "".join(self._said)
        if ending.finish_reason != "cancelled":
            tokens = ending.usage.completion_tokens
            require_accepted(self._constraint, text, model=self._name, tokens=tokens)
        self.completion = Completion(Text(text), self.seed, ending.finish_reason, ending.usage)
