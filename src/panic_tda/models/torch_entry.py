"""Catalogue entries of models that run with torch: what every family states in the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from panic_tda.models.model import ModelSpec
from panic_tda.models.repositories import Repository
from panic_tda.models.shelf import Added
from panic_tda.signature import Signature

PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model")
"""The files of a repository that every family reads."""


class Facts(NamedTuple):
    """What is known of weights: where they are, what they are, under which licence, and the memory they take."""

    repository: Repository
    summary: str
    licence: str
    gigabytes: float


def torch_entry(
    name: str,
    family: str,
    signature: str,
    loader: str,
    facts: Facts,
    *,
    twin: str,
    libraries: tuple[str, ...] = ("transformers",),
    **own: Any,
) -> ModelSpec:
    """An entry of a family; ``loader`` is below ``panic_tda.models``, ``own`` are further fields of the entry."""
    return ModelSpec(
        name=name,
        family=family,
        signature=Signature.parse(signature),
        summary=facts.summary,
        loader=f"panic_tda.models.{loader}:load",
        licence=facts.licence,
        source=facts.repository.address,
        twin=f"tests/support/twins/{twin}.py",
        memory_bytes=int(facts.gigabytes * 1e9),
        requires=("torch", *libraries),
        extra="torch",
        repository=facts.repository,
        **own,
    )


def facts_of(entry: Added) -> Facts:
    """What is known of a folder or file that was added by hand."""
    options = dict(entry.options)
    repository = Repository("", folder=entry.path, remote_code=bool(options.get("remote_code", False)))
    return Facts(repository, f"added from {Path(entry.path).name}", "unknown: see its page", 1.0)
