"""Text → vector by sentence-transformers, and MiniLM in full precision by transformers alone.

One text goes into each call: nothing is padded, and a vector depends on its text only. Vectors that are cut to fewer
numbers than the model makes (as models trained for it allow) are brought back to length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelError
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.purpose import Measured, Purpose
from panic_tda.models.repositories import brings_code, require_folder
from panic_tda.models.torch_place import computing, loading, quiet, torch_device, torch_dtype
from panic_tda.models.weights import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector

_MINILM_TOKENIZER = Path(__file__).parents[1] / "data" / "minilm-tokenizer.json"
_MINILM_TOKENS = 256


class TorchEmbedder:
    """Measures each content with a function that gives its raw vector."""

    def __init__(
        self,
        spec: ModelSpec,
        measure: Callable[[Any], Any],
        threads: int,
        *,
        measure_query: Callable[[Any], Any] | None = None,
        exceeds: Callable[[str, Purpose], bool] | None = None,
    ) -> None:
        """``measure_query`` is for queries, where they get a prompt of their own; ``exceeds``: is a text too long?"""
        self._spec = spec
        self._measure = measure
        self._measure_query = measure_query or measure
        self._exceeds = exceeds
        self._threads = threads

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One float32 vector of the entry's ``dims`` for each content, of length 1."""
        with computing(self._threads), quiet():
            return [unit(self._spec, self._measure(content)) for content in inputs]

    def embed_texts(self, texts: Sequence[str], purpose: Purpose) -> list[Measured | ModelError]:
        """See :class:`~panic_tda.models.purpose.TextEmbedder`."""
        measure = self._measure_query if purpose is Purpose.QUERY else self._measure
        with computing(self._threads), quiet():
            return [self._measured(text, purpose, measure) for text in texts]

    def close(self) -> None:
        """Frees the weights."""
        del self._measure, self._measure_query, self._exceeds

    def _measured(self, text: str, purpose: Purpose, measure: Callable[[Any], Any]) -> Measured | ModelError:
        vector = unit(self._spec, measure(Text(text)))
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
    assert spec.repository is not None
    folder = require_folder(spec.repository, model=spec.name)
    device = torch_device(spec, placement)
    import transformers  # noqa: F401  # so that what it says while it is imported below is hushed

    with loading(spec):
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=spec.repository.remote_code and brings_code(folder),
            model_kwargs={"dtype": torch_dtype(spec)},
        ).eval()
    document = str(spec.option("prompt"))
    query = str(spec.option("query_prompt")) or ("query" if "query" in model.prompts else document)
    task = {"task": str(spec.option("task"))} if spec.option("task") else {}

    def measuring(prompt: str) -> Callable[[Content], Any]:
        named = {"prompt_name" if prompt in model.prompts else "prompt": prompt} if prompt else {}

        def measure(content: Content) -> Any:
            given = {"batch_size": 1, "show_progress_bar": False, "convert_to_numpy": False, **named, **task}
            return model.encode([cast("Text", content).value], **given)[0]

        return measure

    def exceeds(text: str, purpose: Purpose) -> bool:
        prompt = query if purpose is Purpose.QUERY else document
        read = model.tokenizer(model.prompts.get(prompt, prompt) + text, truncation=False, verbose=False).input_ids
        return model.max_seq_length is not None and len(read) > model.max_seq_length

    measure_query = measuring(query)
    return TorchEmbedder(spec, measuring(document), placement.threads, measure_query=measure_query, exceeds=exceeds)


def load_minilm(spec: ModelSpec, placement: Placement) -> TorchEmbedder:
    """Loads MiniLM from the files of its package; the tokenizer ships with panic-tda."""
    config_file, weights_file = (require(weights, model=spec.name) for weights in spec.weights)
    device = torch_device(spec, placement)
    import torch
    from tokenizers import Tokenizer

    with loading(spec):
        from safetensors.torch import load_file
        from transformers import BertConfig, BertModel

        model = BertModel(BertConfig.from_json_file(config_file), add_pooling_layer=False)
        weights = {name: value for name, value in load_file(weights_file).items() if not name.startswith("pooler.")}
        weights.pop("embeddings.position_ids", None)
        model.load_state_dict(weights)
        model = model.to(device).eval()
    tokenizer = Tokenizer.from_file(str(_MINILM_TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_MINILM_TOKENS)

    def measure(content: Content) -> Any:
        ids = torch.tensor([tokenizer.encode(cast("Text", content).value).ids], device=device)
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0].mean(dim=0)

    return TorchEmbedder(
        spec, measure, placement.threads, exceeds=lambda text, _: bool(tokenizer.encode(text).overflowing)
    )
