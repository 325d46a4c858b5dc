"""Loads exported folders."""

from __future__ import annotations

from panic_tda.errors import ModelLoadError, RequestError
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.onnx.manifest import Manifest, check_files, read_manifest
from panic_tda.models.onnx.pictures import PictureEmbedder
from panic_tda.models.onnx.sessions import open_session
from panic_tda.models.onnx.texts import TextEmbedder, Tokens
from panic_tda.models.repositories import require_folder


def load(spec: ModelSpec, placement: Placement) -> TextEmbedder | PictureEmbedder:
    """Checks every file, then loads; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    assert spec.repository is not None
    folder = require_folder(spec.repository, model=spec.name)
    try:
        manifest = read_manifest(folder)
    except RequestError as fault:
        raise ModelLoadError(f"{spec.name}: {fault.message}", hint=fault.hint) from fault
    check_files(manifest, folder, model=spec.name)
    session = open_session(spec, folder / manifest.network, placement)
    if manifest.image is not None:
        return PictureEmbedder(spec, session, manifest.image, manifest.pooling)
    return TextEmbedder(spec, session, _tokens(spec, manifest), manifest.pooling)


def _tokens(spec: ModelSpec, manifest: Manifest) -> Tokens:
    from tokenizers import Tokenizer

    assert spec.repository is not None
    assert manifest.text is not None
    facts = manifest.text
    try:
        tokenizer = Tokenizer.from_file(f"{spec.repository.folder}/{facts.tokenizer}")
    except Exception as fault:  # tokenizers raise Exception itself
        raise ModelLoadError(f"{spec.name}: {facts.tokenizer} does not load: {fault}") from fault
    tokenizer.no_padding()
    tokenizer.enable_truncation(facts.maximum_tokens, direction=facts.cut_side)
    left = facts.padding_side == "left"
    return Tokens(tokenizer, facts.prompt, facts.padded_to, left, facts.pad_id)
