"""Text → vector by sentence-transformers, and MiniLM in full precision by transformers alone.

At tier ``exact`` one text goes into each call: nothing is padded, and a vector depends on its text only. At ``seeded``
as many texts as the entry's ``batch_size`` share one. Vectors that are cut to fewer numbers than the model makes (as
models trained for it allow) are brought back to length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Content
from panic_tda.errors import InvalidOutput, ModelError
from panic_tda.models.model import ModelSpec, Placement, Tier
from panic_tda.models.onnx.batches import batches
from panic_tda.models.repositories import brings_code, require_folder
from panic_tda.models.sentence import minilm_tokenizer
from panic_tda.models.torch_place import computing, loading, quiet, torch_device, torch_dtype
from panic_tda.models.weights import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector


class TorchEmbedder:
    """Measures contents with a function that gives the raw vector of each; ``rows`` is how many share a call."""

    def __init__(self, spec: ModelSpec, measure: Callable[[list[Any]], Any], threads: int, rows: int = 1) -> None:
        self._spec = spec
        self._measure = measure
        self._threads = threads
        self._rows = rows

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One float32 vector of the entry's ``dims`` for each content, of length 1."""
        with computing(self._threads), quiet():
            parts = (list(inputs[start : start + self._rows]) for start in range(0, len(inputs), self._rows))
            return [unit(self._spec, raw) for part in parts for raw in self._measure(part)]

    def close(self) -> None:
        """Frees the weights."""
        del self._measure


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
    asked: dict[str, Any] = {}
    if prompt := str(spec.option("prompt")):
        asked["prompt_name" if prompt in model.prompts else "prompt"] = prompt
    if task := str(spec.option("task")):
        asked["task"] = task
    rows = _rows(spec)

    def measure(contents: list[Any]) -> Any:
        texts = [text.value for text in contents]
        return model.encode(texts, batch_size=rows, show_progress_bar=False, convert_to_numpy=False, **asked)

    return TorchEmbedder(spec, measure, placement.threads, rows)


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

    return TorchEmbedder(spec, measure, placement.threads, _rows(spec))


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
