"""Text → text: causal language models, of prose or code, through transformers.

One text goes into each call, so a result depends on the text, the seed and the parameters alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelCallFailed, ModelError, SignatureError
from panic_tda.models.language import Emit, Ending, Message, Prompt, Sampling
from panic_tda.models.model import ModelSpec, Parameter, Parameters, ParameterValue, Placement
from panic_tda.models.repositories import Repository, require_folder
from panic_tda.models.shelf import Added
from panic_tda.models.text_parameters import max_tokens, one_line, temperature, top_p
from panic_tda.models.torch_entry import PATTERNS, Facts, facts_of, torch_entry
from panic_tda.models.torch_place import (
    computing,
    generation_settings,
    load_whole,
    loading,
    quiet,
    release,
    sampling,
    torch_device,
)
from panic_tda.models.torch_writing import Writer, padding

_SUBSET = (*PATTERNS, "*.jinja")


class TorchLanguageModel:
    """Continues each text; a model with a chat template answers it."""

    def __init__(self, spec: ModelSpec, model: Any, tokenizer: Any, placement: tuple[str, int]) -> None:
        self._spec = spec
        self._model = model
        self._tokenizer = tokenizer
        self._device, self._threads = placement
        self._writer = Writer(spec.name, model, tokenizer)

    def generate(
        self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters
    ) -> list[Text | ModelError]:
        """What follows each text, without the text itself, stripped of outer white space.

        Greedy at temperature 0, where seeds change nothing. A text of more tokens than the context holds is not cut:
        its outcome is a ``ModelCallFailed``.
        """
        with computing(self._threads), quiet():
            return [
                self._answer(str(parameters["template"]).replace("{text}", cast("Text", text).value), seed, parameters)
                for text, seed in zip(inputs, seeds, strict=True)
            ]

    def write(self, prompt: Prompt, seed: int, sampling: Sampling, emit: Emit) -> Ending:
        """See :class:`~panic_tda.models.language.LanguageModel`."""
        ids = self._read(prompt)
        self._check_room(len(ids) + sampling.max_tokens)
        with computing(self._threads), quiet():
            return self._writer.write(ids, seed, sampling, emit)

    def close(self) -> None:
        """Frees the weights."""
        del self._model, self._tokenizer, self._writer
        release()

    def _answer(self, asked: str, seed: int, parameters: Parameters) -> Text | ModelError:
        import torch

        ids = self._read((Message("user", asked),))
        try:
            self._check_room(len(ids) + int(parameters["max_tokens"]))
        except ModelCallFailed as fault:
            return fault
        given = torch.tensor([ids], device=self._device)
        with sampling(seed, self._device):
            made = self._model.generate(
                input_ids=given,
                attention_mask=torch.ones_like(given),
                pad_token_id=padding(self._tokenizer),
                **generation_settings(parameters, top_k=0),
            )
        answer = self._tokenizer.decode(made[0, len(ids) :], skip_special_tokens=True).strip()
        try:
            return Text(answer.partition("\n")[0].strip() if parameters["one_line"] else answer)
        except SignatureError as fault:
            return InvalidOutput(f"{self._spec.name}: {fault.message}")

    def _check_room(self, needed: int) -> None:
        context = getattr(self._model.config, "max_position_embeddings", None)
        if context and needed > context:
            raise ModelCallFailed(f"{self._spec.name}: {needed} tokens do not fit a context of {context}")

    def _read(self, prompt: Prompt) -> list[int]:
        """The tokens of a prompt; without a chat template, those of its messages, a line each."""
        templated = bool(self._tokenizer.chat_template) and not isinstance(prompt, str)
        if isinstance(prompt, str):
            asked = prompt
        elif templated:
            turns = [{"role": message.role, "content": message.text} for message in prompt]
            asked = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        else:
            asked = "\n".join(message.text for message in prompt)
        encoded = self._tokenizer(asked, add_special_tokens=not templated).input_ids
        # A model cannot begin with nothing.
        return list(encoded) or [self._tokenizer.bos_token_id or self._tokenizer.eos_token_id or 0]


def load(spec: ModelSpec, placement: Placement) -> TorchLanguageModel:
    """Loads a folder in the format of transformers; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    assert spec.repository is not None
    folder = require_folder(spec.repository, model=spec.name)
    device = torch_device(spec, placement)
    import transformers  # noqa: F401  # so that what it says below is hushed

    with loading(spec):
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = load_whole(spec, "AutoModelForCausalLM", folder, device)
    return TorchLanguageModel(spec, model, tokenizer, (device, placement.threads))


def _row(
    name: str,
    repository: Repository,
    summary: str,
    licence: str,
    gigabytes: float,
    *,
    twin: str,
    dtype: str = "bfloat16",
    gated: bool = False,
) -> ModelSpec:
    return torch_entry(
        name,
        "torch_lm",
        "text -> text",
        "torch_lm",
        Facts(repository, summary, licence, gigabytes),
        twin=twin,
        parameters=(
            Parameter("template", "{text}", "what the model reads; {text} stands for the input"),
            temperature(0.8),
            max_tokens(64, 16384),
            one_line(False),
            top_p(0.95),
        ),
        dtype=dtype,
        gated=gated,
    )


def added(name: str, entry: Added) -> ModelSpec:
    """A folder in the format of transformers; options: dtype."""
    given: dict[str, ParameterValue] = dict(entry.options)
    return _row(name, *facts_of(entry), twin="llama", dtype=str(given.get("dtype", "bfloat16")))


MODELS: tuple[ModelSpec, ...] = (
    _row(
        "CodeLlama7B",
        Repository("codellama/CodeLlama-7b-hf", subset=_SUBSET),
        "Code Llama, 6.7 B parameters; continues code",
        "Llama 2 community licence",
        16,
        twin="llama",
    ),
    _row(
        "StarCoder1B",
        Repository("bigcode/starcoderbase-1b", subset=_SUBSET),
        "StarCoder base, 1.1 B parameters; continues code",
        "BigCode OpenRAIL-M",
        3,
        twin="gpt_bigcode",
        gated=True,
    ),
)
