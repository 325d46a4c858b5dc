"""An embedder as sentence-transformers trains it: all of it in one object that can be saved as a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from panic_tda.errors import PrerequisiteError, RequestError
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.repositories import require_folder
from panic_tda.models.sentence import MAXIMUM_TOKENS, TOKENIZER
from panic_tda.models.torch_place import loading, torch_device, torch_dtype
from panic_tda.models.torch_sentence.embedding import load_minilm
from panic_tda.models.weights import require

_LIBRARIES = ("torch", "transformers", "sentence_transformers", "datasets", "accelerate")


def check_tunable(spec: ModelSpec) -> None:
    """Raises ``RequestError`` for a model that cannot be tuned, ``PrerequisiteError`` where a library is missing."""
    from importlib.util import find_spec

    if spec.family != "torch_sentence":
        hint = "MiniLMTorch can be, and every model of the family torch_sentence (panic-tda model list)"
        raise RequestError(f"{spec.name} cannot be tuned: it is of the family {spec.family}", hint=hint)
    if spec.repository is not None and spec.repository.remote_code:
        raise RequestError(f"{spec.name} cannot be tuned: it brings Python code of its own, which no version can carry")
    missing = [library for library in _LIBRARIES if find_spec(library) is None]
    if missing:
        said = f"tuning needs the Python packages {', '.join(missing)}, which are not installed"
        raise PrerequisiteError(said, hint="pip install 'panic-tda[train]'")


def sentence_transformer(spec: ModelSpec, placement: Placement) -> Any:
    """The ``SentenceTransformer`` of an embedder, on its device.

    Its vectors are those of the loaded model, up to rounding. Raises as loading does.
    """
    device = torch_device(spec, placement)
    if spec.repository is None:
        return _minilm(spec, device)
    folder = require_folder(spec.repository, model=spec.name)
    import transformers  # noqa: F401  # so that what it says while it is imported below is hushed

    with loading(spec):
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(
            str(folder), device=device, local_files_only=True, model_kwargs={"dtype": torch_dtype(spec)}
        )


def _minilm(spec: ModelSpec, device: str) -> Any:
    """MiniLM's package has weights and settings; tokenizer, pooling and length come from its loader."""
    assert spec.loader.endswith(load_minilm.__name__), f"{spec.name} has no folder"
    files = [require(weights, model=spec.name) for weights in spec.weights]
    import transformers

    with loading(spec), TemporaryDirectory() as aside:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

        for file in files:
            shutil.copy(file, Path(aside) / file.name)
        signs = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
        transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(TOKENIZER), model_max_length=MAXIMUM_TOKENS, **signs
        ).save_pretrained(aside)
        words = Transformer(aside, max_seq_length=MAXIMUM_TOKENS)
        pooling = Pooling(words.get_embedding_dimension(), "mean")
        return SentenceTransformer(modules=[words, pooling, Normalize()], device=device)
