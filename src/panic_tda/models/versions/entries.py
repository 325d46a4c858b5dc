"""The catalogue entries of versions, and what the names with an ``@`` mean."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace

from panic_tda.models.model import ModelSpec
from panic_tda.models.repositories import Repository
from panic_tda.models.versions.register import CHAMPION, Line, Version, line_of, register_file, version_folder

FAMILY = "torch_sentence"
"""The family whose models can be tuned."""


def version_entries(lines: Mapping[str, Line], known: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
    """An entry for every version of a known embedder; versions of another are a warning that names it."""
    entries = {}
    for name, line in lines.items():
        if name in known and known[name].family == FAMILY:
            made = (_entry(known[name], version) for version in line.versions)
            entries.update({spec.name: spec for spec in made})
        else:
            said = f"the versions of {name} in {register_file()} are left out: no embedder goes by that name"
            warnings.warn(said, stacklevel=2)
    return entries


def numbered(name: str, number: int) -> str:
    """``NAME@3``; the base, 0, goes by its own name."""
    return f"{name}@{number}" if number else name


def resolved(name: str, known: Mapping[str, ModelSpec]) -> str:
    """What an alias means now: ``NAME@champion`` and ``NAME@0`` as a name that never moves; others as they are."""
    base, _, label = name.partition("@")
    if label not in (CHAMPION, "0") or base not in known or known[base].family != FAMILY:
        return name
    return numbered(base, line_of(base).champion if label == CHAMPION else 0)


def _entry(base: ModelSpec, version: Version) -> ModelSpec:
    folder = version_folder(base.name, version.number)
    return replace(
        base,
        name=numbered(base.name, version.number),
        summary=f"{base.name} tuned on a corpus, version {version.number} ({version.status})",
        loader="panic_tda.models.torch_sentence.embedding:load",
        weights=(),
        repository=Repository("", folder=str(folder), sha256=version.sha256),
        requires=tuple(dict.fromkeys((*base.requires, "sentence_transformers"))),
    )
