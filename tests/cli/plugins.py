"""Models that the catalogue does not have, added for one test, among them some that make rubbish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from panic_tda.content import Content, Image, Text
from panic_tda.models.catalogue import catalogue
from panic_tda.models.model import ModelSpec, Parameters, Placement


def add_models(monkeypatch: pytest.MonkeyPatch, *specs: ModelSpec) -> None:
    """Adds models to the catalogue, or replaces some of it."""
    known = catalogue() | {spec.name: spec for spec in specs}
    monkeypatch.setattr("panic_tda.models.catalogue.catalogue", lambda: known)


@dataclass
class Always:
    """Makes the same of everything, or what a function says."""

    make: Callable[[Content], Content]

    def generate(self, inputs: Sequence[Content], seeds: Sequence[int], parameters: Parameters) -> list[Content]:
        """One output for each input."""
        return [self.make(content) for content in inputs]

    def close(self) -> None:
        """Holds nothing."""


def load_shouter(spec: ModelSpec, placement: Placement) -> Always:
    """Says nothing but ``!!!``, as one captioner did for weeks."""
    return Always(lambda _: Text("!!!!!!!!"))


def load_mute(spec: ModelSpec, placement: Placement) -> Always:
    """Says nothing at all, as another captioner did."""
    return Always(lambda _: Text(""))


def load_parrot(spec: ModelSpec, placement: Placement) -> Always:
    """Has one sentence for everything."""
    return Always(lambda _: Text("a picture of a cat on a mat"))


def load_whitewash(spec: ModelSpec, placement: Placement) -> Always:
    """Paints a white image whatever it is told."""
    return Always(lambda _: Image("RGB", 4, 4, b"\xff" * 48))
