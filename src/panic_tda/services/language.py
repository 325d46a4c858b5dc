"""Asking a model for content: one answer or several, whole or piece by piece."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from panic_tda.content import Image, Text
from panic_tda.errors import ConfigurationError, ModelError, RequestError, SignatureError
from panic_tda.models.catalogue import find
from panic_tda.models.language import Message, Prompt, Usage
from panic_tda.models.model import ModelSpec, Parameters, parameter_faults
from panic_tda.runtime.result import Timings
from panic_tda.services.host import Host, hosting
from panic_tda.services.text_stream import Completion, TextStream
from panic_tda.services.wishes import Wishes, sampling_of
from panic_tda.settings import Settings
from panic_tda.signature import Kind, Signature

_SEEDS = 2**31 - 1
_DIALOGUE = Signature(Kind.TEXT, Kind.TEXT)


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model answered: ``n`` completions. ``model`` is ``name@version``; timings are summed over them."""

    completions: tuple[Completion, ...]
    model: str
    timings: Timings
    synthetic: bool = False

    @property
    def text(self) -> str:
        """The first answer; raises ``SignatureError`` when it is an image."""
        output = self.completions[0].output
        if not isinstance(output, Text):
            raise SignatureError(f"{self.model} made an {output.kind}, not a text")
        return output.value


def generate(
    prompt: str | Sequence[Message],
    model: str = "SmolLM2",
    *,
    system: str = "",
    raw: bool = False,
    seed: int | None = None,
    n: int = 1,
    parameters: Parameters | None = None,
    host: Host | None = None,
    settings: Settings | None = None,
    **wishes: Unpack[Wishes],
) -> Generation:
    """Asks a model that takes text: ``n`` answers, with the seeds ``seed``, ``seed`` + 1, …; without one, it is drawn.

    A language model answers a prompt or a dialogue in its chat template (with ``raw`` it continues the text as it
    stands) and grants ``wishes``: ``temperature``, ``top_p``, ``top_k``, ``max_tokens``, ``stop``, and one of
    ``schema``, ``regex``, ``choices``, ``grammar``. Other models take ``parameters``, as in an experiment file. Without
    a ``host`` the model is loaded for this call only. Raises ``RequestError``, ``ModelError`` or ``ExecutionError``;
    under a constraint an answer is whole, or a ``ConstraintError``.
    """
    with hosting(host, settings) as place:
        spec, seeds = _generator(model), _seeds(seed, n)
        if spec.signature != _DIALOGUE:
            _refuse(spec, system=system, raw=raw, **wishes)
            return _called(place, spec, prompt, seeds, parameters or {})
        _refuse(spec, parameters=parameters)
        said, sampling = _prompt(prompt, system, raw), sampling_of(wishes)
        streams = []
        for each in seeds:
            with TextStream(place, spec, said, each, sampling) as answer:
                streams.append(answer)
                for _ in answer:
                    pass
    completions = tuple(each.completion for each in streams if each.completion)
    return Generation(completions, streams[0].model, _sum([each.timings for each in streams]), spec.synthetic)


def generate_batch(
    prompts: Sequence[str | Sequence[Message]],
    model: str = "SmolLM2",
    *,
    host: Host | None = None,
    settings: Settings | None = None,
    **asked: Any,
) -> list[Generation | ModelError]:
    """What :func:`generate` gives for each prompt alone, in order; the fault of one prompt stands in its place."""
    outcomes: list[Generation | ModelError] = []
    with hosting(host, settings) as place:
        for prompt in prompts:
            try:
                outcomes.append(generate(prompt, model, host=place, **asked))
            except ModelError as fault:
                outcomes.append(fault)
    return outcomes


def stream(
    prompt: str | Sequence[Message],
    model: str = "SmolLM2",
    *,
    system: str = "",
    raw: bool = False,
    seed: int | None = None,
    host: Host | None = None,
    settings: Settings | None = None,
    **wishes: Unpack[Wishes],
) -> TextStream:
    """The answer of a language model piece by piece: together, what :func:`generate` gives for the same seed.

    Close the stream, or use it as a context manager.
    """
    place = host or Host(settings)
    try:
        spec, [drawn] = _generator(model), _seeds(seed, 1)
        if spec.signature != _DIALOGUE:
            raise RequestError(f"{spec.name} is {spec.signature}: only language models write piece by piece")
        said, sampling = _prompt(prompt, system, raw), sampling_of(wishes)
        return TextStream(place, spec, said, drawn, sampling, owns_host=host is None)
    except BaseException:
        if host is None:
            place.close()
        raise


def _called(
    host: Host, spec: ModelSpec, prompt: str | Sequence[Message], seeds: Sequence[int], parameters: Parameters
) -> Generation:
    if not isinstance(prompt, str) or spec.signature.input is not Kind.TEXT:
        raise RequestError(f"{spec.name} is {spec.signature}: it takes one {spec.signature.input}")
    if faults := parameter_faults(spec, parameters):
        raise ConfigurationError(faults)
    result = host.run(spec, (Text(prompt),) * len(seeds), seeds, parameters)
    completions = []
    for outcome, seed in zip(result.outputs, seeds, strict=True):
        if not isinstance(outcome, (Text, Image)):
            assert isinstance(outcome, ModelError)
            raise outcome
        completions.append(Completion(outcome, seed, "stop", Usage()))
    return Generation(tuple(completions), result.model, result.timings, result.synthetic)


def _generator(model: str) -> ModelSpec:
    spec = find(model)
    if not spec.signature.is_generator:
        raise RequestError(f"{model} measures, it does not make content", hint=f"panic-tda embed TEXT --model {model}")
    return spec


def _refuse(spec: ModelSpec, **given: object) -> None:
    """Raises ``RequestError`` for what this kind of model has no use for."""
    for name, value in given.items():
        if value:
            raise RequestError(f"{spec.name} is {spec.signature}: it has no use for {name}")


def _seeds(seed: int | None, n: int) -> list[int]:
    if n < 1:
        raise RequestError(f"n must be at least 1, not {n}")
    if seed is not None and seed < -1:
        raise RequestError(f"a seed is at least 0 (or -1: draw one), not {seed}")
    first = secrets.randbelow(_SEEDS) if seed is None or seed == -1 else seed
    return [first + index for index in range(n)]


def _prompt(prompt: str | Sequence[Message], system: str, raw: bool) -> Prompt:
    """What the model is given; every text in it is one that a model can read."""
    if raw:
        if not isinstance(prompt, str) or not prompt or system:
            raise RequestError("a raw prompt is a text to continue, without messages")
        return Text(prompt).value
    turns = (Message("user", prompt),) if isinstance(prompt, str) else tuple(prompt)
    turns = (Message("system", system), *turns) if system else turns
    if not turns:
        raise RequestError("a dialogue has at least one message")
    return tuple(Message(turn.role, Text(turn.text).value) for turn in turns)


def _sum(spent: Sequence[Timings]) -> Timings:
    return Timings(*(sum(getattr(each, name) for each in spent) for name in ("queue_s", "load_s", "run_s")))
