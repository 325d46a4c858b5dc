"""Answers of transformers' language models, token by token: constrained, drawn, overheard, stopped.

The draw has a random generator of its own, so that nothing else that computes with torch in the process changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from panic_tda.errors import InvalidConstraint
from panic_tda.models.constraints import Constraint
from panic_tda.models.language import Emit, Ending, Sampling, Usage
from panic_tda.models.pieces import Decoded, UntilStop


class Writer:
    """Continues tokens with a loaded model."""

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self._name = name
        self._model = model
        self._tokenizer = tokenizer
        self._vocabulary: Any = None

    def write(self, ids: Sequence[int], seed: int, sampling: Sampling, emit: Emit) -> Ending:
        """Hands out what follows the tokens, piece by piece."""
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        given = torch.tensor([list(ids)], device=self._model.device)
        listening = _Listening(self._tokenizer, sampling, emit)
        steps = [*self._masks(sampling.constraint, len(ids)), *_draws(sampling, seed)]
        made = self._model.generate(
            input_ids=given,
            attention_mask=torch.ones_like(given),
            pad_token_id=padding(self._tokenizer),
            max_new_tokens=sampling.max_tokens,
            num_beams=1,
            do_sample=False,
            logits_processor=LogitsProcessorList(steps),
            stopping_criteria=StoppingCriteriaList([listening]),
        )
        drawn = made.shape[1] - len(ids)
        ended = int(made[0, -1]) in _ends(self._model)
        return Ending(listening.reason(ended=ended), Usage(len(ids), drawn))

    def _masks(self, constraint: Constraint | None, read: int) -> list[Any]:
        if constraint is None:
            return []
        from llguidance import LLMatcher

        if self._vocabulary is None:
            self._vocabulary = _vocabulary(self._model, self._tokenizer)
        matcher = LLMatcher(self._vocabulary, constraint.lark, log_level=0)
        if matcher.is_error():
            raise InvalidConstraint(f"{self._name}: {matcher.get_error().splitlines()[0]}")
        return [_Mask(matcher, read)]


def padding(tokenizer: Any) -> int:
    """The token that fills up; where there is none, the one that ends."""
    found = tokenizer.pad_token_id
    return int(found if found is not None else tokenizer.eos_token_id or 0)


def _ends(model: Any) -> set[int]:
    """The tokens that end an answer."""
    found = model.generation_config.eos_token_id
    return set(found if isinstance(found, list) else [] if found is None else [found])


def _vocabulary(model: Any, tokenizer: Any) -> Any:
    """The tokens as llguidance has them; takes about a second for a large vocabulary."""
    from llguidance.hf import from_tokenizer

    size = model.get_output_embeddings().out_features
    return from_tokenizer(tokenizer, n_vocab=size, eos_token=sorted(_ends(model)) or None)


class _Mask:
    """Leaves the tokens with which the answer can still satisfy the constraint."""

    def __init__(self, matcher: Any, read: int) -> None:
        self._matcher = matcher
        self._read = read

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import numpy as np
        import torch

        self._matcher.consume_tokens(input_ids[0, self._read :].tolist())
        self._read = input_ids.shape[1]
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(bits, bitorder="little")[: scores.shape[-1]].astype(bool)
        return scores.masked_fill(~torch.from_numpy(allowed).to(scores.device), float("-inf"))


def _draws(sampling: Sampling, seed: int) -> list[Any]:
    """Temperature, top k, top p, and one token drawn from what they leave; nothing when the answer is greedy."""
    if sampling.temperature == 0:
        return []
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    steps: list[Any] = [TemperatureLogitsWarper(float(sampling.temperature))]
    if sampling.top_k:
        steps.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        steps.append(TopPLogitsWarper(sampling.top_p))
    return [*steps, _Draw(seed)]


class _Draw:
    """Leaves one token, drawn on the CPU with a generator of its own."""

    def __init__(self, seed: int) -> None:
        import torch

        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        shares = scores.float().softmax(dim=-1).cpu()
        drawn = torch.multinomial(shares, 1, generator=self._generator).to(scores.device)
        return torch.full_like(scores, float("-inf")).scatter_(-1, drawn, 0.0)


class _Listening:
    """Hands out the text of each new token, and stops at a stop text or when nobody listens any more."""

    def __init__(self, tokenizer: Any, sampling: Sampling, emit: Emit) -> None:
        self._decoded = Decoded(lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)))
        self._until = UntilStop(sampling.stop)
        self._emit = emit
        self._goes_on = True

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        self._tell(self._until.add(self._decoded.add(int(input_ids[0, -1]))))
        return torch.tensor([self._until.found or not self._goes_on], device=input_ids.device)

    def reason(self, *, ended: bool) -> Any:
        """Why it ended, once what was held back is handed out."""
        if self._goes_on and not self._until.found:
            self._tell(self._until.add(self._decoded.rest()) + self._until.rest())
        if not self._goes_on:
            return "cancelled"
        return "stop" if ended or self._until.found else "length"

    def _tell(self, piece: str) -> None:
        if piece and self._goes_on:
            self._goes_on = self._emit(piece)
