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
from panic_tda.models.repositories import brings_code, require_folder
from panic_tda.models.torch_place import computing, loading, quiet, release, torch_device, torch_dtype
from panic_tda.models.weights import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector

_MINILM_TOKENIZER = Path(__file__).parents[1] / "data" / "minilm-tokenizer.json"
_MINILM_TOKENS = 256


class TorchEmbedder:
    """Measures each content with a function that gives its raw vector."""

    def __init__(self, spec: ModelSpec, measure: Callable[[Any], Any], threads: int) -> None:
        self._spec = spec
        self._measure = measure
        self._threads = threads

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One float32 vector of the entry's ``dims`` for each content, of length 1."""
        with computing(self._threads), quiet():
            return [unit(self._spec, self._measure(content)) for content in inputs]

    def close(self) -> None:
        """Frees the weights."""
        del self._measure
        release()


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
    asked: dict[str, Any] = {}
    if prompt := str(spec.option("prompt")):
        asked["prompt_name" if prompt in model.prompts else "prompt"] = prompt
    if task := str(spec.option("task")):
        asked["task"] = task

    def measure(content: Content) -> Any:
        text = cast("Text", content).value
        return model.encode([text], batch_size=1, show_progress_bar=False, convert_to_numpy=False, **asked)[0]

    return TorchEmbedder(spec, measure, placement.threads)


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

    return TorchEmbedder(spec, measure, placement.threads)
