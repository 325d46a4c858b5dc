"""Text → vector by sentence-transformers, and MiniLM in full precision by transformers alone.

At tier ``exact`` one text goes into each call: nothing is padded, and a vector depends on its text only. At ``seeded``
as many texts as the entry's ``batch_size`` share one. Vectors that are cut to fewer numbers than the model makes (as
models trained for it allow) are brought back to length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelError
from panic_tda.models.model import ModelSpec, Placement, Tier
from panic_tda.models.onnx.batches import batches
from panic_tda.models.purpose import Measured, Purpose
from panic_tda.models.repositories import brings_code, require_folder
from panic_tda.models.sentence import minilm_tokenizer
from panic_tda.models.torch_place import computing, loading, quiet, release, torch_device, torch_dtype
from panic_tda.models.weights import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector


Measure: TypeAlias = Callable[[list[Any]], Iterable[Any]]
"""Gives the raw vector of each content."""


class TorchEmbedder:
    """Measures contents with a function that gives the raw vector of each; ``rows`` is how many share a call."""

    def __init__(
        self,
        spec: ModelSpec,
        measure: Measure,
        threads: int,
        rows: int = 1,
        *,
        measure_query: Measure | None = None,
        exceeds: Callable[[str, Purpose], bool] | None = None,
    ) -> None:
        """``measure_query`` is for queries, where they get a prompt of their own; ``exceeds``: is a text too long?"""
        self._spec = spec
        self._measure = measure
        self._measure_query = measure_query or measure
        self._exceeds = exceeds
        self._threads = threads
        self._rows = rows

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One float32 vector of the entry's ``dims`` for each content, of length 1."""
        with computing(self._threads), quiet():
            return [unit(self._spec, raw) for raw in self._raw(inputs, self._measure)]

    def embed_texts(self, texts: Sequence[str], purpose: Purpose) -> list[Measured | ModelError]:
        """See :class:`~panic_tda.models.purpose.TextEmbedder`."""
        measure = self._measure_query if purpose is Purpose.QUERY else self._measure
        with computing(self._threads), quiet():
            raw = self._raw([Text(text) for text in texts], measure)
            return [self._measured(text, purpose, each) for text, each in zip(texts, raw, strict=True)]

    def close(self) -> None:
        """Frees the weights."""
        del self._measure, self._measure_query, self._exceeds
        release()

    def _raw(self, contents: Sequence[Content], measure: Measure) -> Iterator[Any]:
        for start in range(0, len(contents), self._rows):
            yield from measure(list(contents[start : start + self._rows]))

    def _measured(self, text: str, purpose: Purpose, raw: Any) -> Measured | ModelError:
        vector = unit(self._spec, raw)
        if isinstance(vector, ModelError):
            return vector
        return Measured(vector, None if self._exceeds is None else self._exceeds(text, purpose))


def unit(spec: ModelSpec, raw: Any) -> Vector | ModelError:
    """The first ``dims`` numbers of a raw vector, of length 1; too few, zero or not finite ones are an error."""
    import numpy as np

    numbers: NDArray[np.float64] = np.asarray(raw.detach().float().cpu() if hasattr(raw, "detach") else raw, np.float64)
    numbers = numbers.reshape(-1)
    if spec.dims is None or len(numbers) < spec.dims:
        return InvalidOutput(f"{spec.name} made {len(numbers)} numbers where {spec.dims} were expected")
    norm = float(np.linalg.norm(numbers[: spec.dims]))
    if not np.isfinite(norm) or norm == 0.0:
        return InvalidOutput(f"{spec.name} made a vector that is zero or not finite")
    return cast("Vector", (numbers[: spec.dims] / norm).astype(np.float32))


def load(spec: ModelSpec, placement: Placement) -> TorchEmbedder:
    """Loads a folder in the format of sentence-transformers (or of transformers, then with mean pooling)."""
    model = open_sentence_model(spec, torch_device(spec, placement))
    document = str(spec.option("prompt"))
    query = str(spec.option("query_prompt")) or ("query" if "query" in model.prompts else document)
    task = {"task": str(spec.option("task"))} if spec.option("task") else {}
    rows = _rows(spec)

    def measuring(prompt: str) -> Measure:
        named = {"prompt_name" if prompt in model.prompts else "prompt": prompt} if prompt else {}
        how = {"batch_size": rows, "show_progress_bar": False, "convert_to_numpy": False, **named, **task}
        return lambda contents: cast("Iterable[Any]", model.encode([text.value for text in contents], **how))

    def exceeds(text: str, purpose: Purpose) -> bool:
        prompt = query if purpose is Purpose.QUERY else document
        read = model.tokenizer(model.prompts.get(prompt, prompt) + text, truncation=False, verbose=False).input_ids
        return model.max_seq_length is not None and len(read) > model.max_seq_length

    return TorchEmbedder(
        spec, measuring(document), placement.threads, rows, measure_query=measuring(query), exceeds=exceeds
    )


def load_minilm(spec: ModelSpec, placement: Placement) -> TorchEmbedder:
    """Loads MiniLM from the files of its package; the tokenizer ships with panic-tda."""
    device = torch_device(spec, placement)
    model, tokens = open_minilm(spec, device), minilm_tokenizer()
    import torch

    def together(part: list[list[int]]) -> Iterator[Any]:
        given = {name: torch.from_numpy(array).to(device) for name, array in tokens.arrays(part).items()}
        found = model(**given).last_hidden_state
        yield from (output[: len(ids)].mean(dim=0) for output, ids in zip(found, part, strict=True))

    def measure(contents: list[Any]) -> list[Any]:
        rows = [tokens.of(text.value) for text in contents]
        found: dict[int, Any] = {}
        for part in batches([len(row) for row in rows], equal=False):
            found |= dict(zip(part, together([rows[index] for index in part]), strict=True))
        return [found[index] for index in range(len(rows))]

    return TorchEmbedder(
        spec, measure, placement.threads, _rows(spec), exceeds=lambda text, _: tokens.read(text).truncated
    )


def open_sentence_model(spec: ModelSpec, device: str) -> Any:
    """The folder as sentence-transformers has it."""
    assert spec.repository is not None
    folder = require_folder(spec.repository, model=spec.name)
    import transformers  # noqa: F401  # so that what it says while it is imported below is hushed

    with loading(spec):
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=spec.repository.remote_code and brings_code(folder),
            model_kwargs={"dtype": torch_dtype(spec)},
        ).eval()


def prompt_of(spec: ModelSpec, model: Any) -> str | None:
    """What stands before every document: the entry's prompt, or the model's own of that name."""
    prompt = str(spec.option("prompt"))
    return str(model.prompts.get(prompt, prompt)) or None


def open_minilm(spec: ModelSpec, device: str) -> Any:
    """MiniLM's encoder, from the files of its package."""
    config_file, weights_file = (require(weights, model=spec.name) for weights in spec.weights)
    with loading(spec):
        from safetensors.torch import load_file
        from transformers import BertConfig, BertModel

        model = BertModel(BertConfig.from_json_file(config_file), add_pooling_layer=False)
        weights = {name: value for name, value in load_file(weights_file).items() if not name.startswith("pooler.")}
        weights.pop("embeddings.position_ids", None)
        model.load_state_dict(weights)
        return model.to(device).eval()


def _rows(spec: ModelSpec) -> int:
    """How many texts share a call of the model."""
    return 1 if spec.tier is Tier.EXACT else spec.batch_size
