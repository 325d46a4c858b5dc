"""Text → vector and image → vector in one space: pairs of embedders."""

from __future__ import annotations

from collections.abc import Iterator

from panic_tda.models.model import ModelSpec, ParameterValue
from panic_tda.models.repositories import Repository
from panic_tda.models.shelf import Added
from panic_tda.models.torch_entry import PATTERNS, Facts, facts_of, torch_entry

_SUBSET = (*PATTERNS, "*.py")
_STYLES = ("pair", "encode", "class_token")


def _tower(
    name: str,
    kind: str,
    repository: Repository,
    dims: int,
    summary: str,
    licence: str,
    gigabytes: float,
    *,
    twin: str,
    style: str = "pair",
    non_commercial: bool = False,
) -> ModelSpec:
    return torch_entry(
        name,
        "multimodal",
        f"{kind} -> vector",
        "multimodal.towers",
        Facts(repository, summary, licence, gigabytes),
        twin=twin,
        dims=dims,
        batch_size=16,
        non_commercial=non_commercial,
        options=(("style", style),),
    )


def _pair(
    name: str, repository: str, dims: int, summary: str, licence: str, gigabytes: float, *, twin: str
) -> Iterator[ModelSpec]:
    for suffix, kind in (("", "text"), ("Vision", "image")):
        about = f"{summary}; {kind}s"
        found = Repository(repository, subset=_SUBSET)
        yield _tower(name + suffix, kind, found, dims, about, licence, gigabytes, twin=twin)


def _jina(name: str, kind: str) -> ModelSpec:
    return _tower(
        name,
        kind,
        Repository("jinaai/jina-clip-v2", subset=_SUBSET, remote_code=True),
        1024,
        f"Jina CLIP v2, 865 M parameters; {kind}s; vectors may be cut (older databases: 768)",
        "CC-BY-NC-4.0",
        4.5,
        twin="jina_clip",
        style="encode",
        non_commercial=True,
    )


def added(name: str, entry: Added) -> ModelSpec:
    """One tower of a folder; options: input (text or image), dims, style (pair, encode, class_token)."""
    given: dict[str, ParameterValue] = dict(entry.options)
    facts = facts_of(entry)
    return _tower(
        name,
        str(given.get("input", "text")),
        facts.repository,
        int(given.get("dims", 0)),
        facts.summary,
        facts.licence,
        facts.gigabytes,
        twin="siglip",
        style=str(given.get("style", "pair")),
    )


MODELS: tuple[ModelSpec, ...] = (
    *_pair(
        "SigLIP",
        "google/siglip-base-patch16-384",
        768,
        "SigLIP base, 384 pixels, 203 M parameters",
        "Apache-2.0",
        1.5,
        twin="siglip",
    ),
    *_pair(
        "SigLIP2",
        "google/siglip2-base-patch16-384",
        768,
        "SigLIP 2 base, 384 pixels, 375 M parameters",
        "Apache-2.0",
        2.2,
        twin="siglip",
    ),
    *_pair("CLIP", "openai/clip-vit-large-patch14", 768, "CLIP ViT-L/14, 428 M parameters", "MIT", 2.5, twin="clip"),
    _jina("JinaClip", "text"),
    _jina("JinaClipVision", "image"),
    _tower(
        "NomicVision",
        "image",
        Repository("nomic-ai/nomic-embed-vision-v1.5", subset=_SUBSET, remote_code=True),
        768,
        "Nomic Embed vision v1.5, 93 M parameters; images",
        "Apache-2.0",
        1.0,
        twin="nomic_vision",
        style="class_token",
    ),
)
