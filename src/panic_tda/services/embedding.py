"""Measuring texts: vectors that carry the version of the instrument, and how alike two of them are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from panic_tda.content import Content, Text
from panic_tda.errors import IncompatibleVectors, ModelError, PanicError, RequestError, SignatureError
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec
from panic_tda.models.purpose import Measured, Purpose
from panic_tda.runtime.result import Timings
from panic_tda.services.host import Host, hosting
from panic_tda.settings import Settings
from panic_tda.signature import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.model import Vector

Report: TypeAlias = Callable[[int, int, int], None]
"""Takes the numbers of texts that are measured, that failed, and that there are."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """A vector of length 1 (float32), and the ``name@version`` of the model that measured it.

    ``truncated``: the text was longer than the model reads, and its end was not measured; None where the model does not
    say.
    """

    vector: Vector
    model: str
    truncated: bool | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One outcome for each text, in order: an :class:`Embedding`, or the error of that text."""

    outcomes: tuple[Embedding | PanicError, ...]
    model: str
    dims: int
    kind: Purpose
    timings: Timings

    @property
    def vectors(self) -> NDArray[np.float32]:
        """All vectors, shape (n, dims); raises the first error instead of leaving one out."""
        import numpy as np

        for outcome in self.outcomes:
            if isinstance(outcome, PanicError):
                raise outcome
        rows = [outcome.vector for outcome in self.outcomes if isinstance(outcome, Embedding)]
        return np.stack(rows) if rows else np.empty((0, self.dims), np.float32)

    @property
    def faults(self) -> dict[int, PanicError]:
        """The errors by their places."""
        return {at: outcome for at, outcome in enumerate(self.outcomes) if isinstance(outcome, PanicError)}

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, index: int) -> Embedding:
        """The embedding at a place; raises the error that stands there instead."""
        outcome = self.outcomes[index]
        if isinstance(outcome, PanicError):
            raise outcome
        return outcome


def embed(
    texts: str | Content | Sequence[str | Content],
    model: str = "MiniLM",
    *,
    kind: str = "document",
    host: Host | None = None,
    settings: Settings | None = None,
) -> Embeddings:
    """Measures a text or several (or images, with a model that takes them); raises the first fault of any of them.

    ``kind`` is ``document`` (as experiments measure) or ``query``: models that were trained with prompts have one for
    each. Without a ``host`` the model is loaded for this call only.
    """
    given = [texts] if isinstance(texts, (str, Content)) else texts
    measured = embed_batch(given, model, kind=kind, host=host, settings=settings)
    for fault in measured.faults.values():
        raise fault
    return measured


def embed_batch(
    texts: Sequence[str | Content],
    model: str = "MiniLM",
    *,
    kind: str = "document",
    host: Host | None = None,
    settings: Settings | None = None,
    report: Report | None = None,
) -> Embeddings:
    """Measures many texts, in batches that ``report`` hears of; the fault of one text stands in its place."""
    with hosting(host, settings) as place:
        spec, purpose = _embedder(model), _purpose(kind)
        place.check(spec)
        contents = [_content(spec, text) for text in texts]
        good = [content for content in contents if not isinstance(content, PanicError)]
        bad = len(contents) - len(good)
        tell = (lambda done, failed: report(done, failed + bad, len(contents))) if report else lambda *_: None
        measured, timings = _in_batches(place, spec, good, purpose, tell)
    name = spec.reference
    found = iter(measured)
    outcomes = tuple(
        content if isinstance(content, PanicError) else _embedding(next(found), name) for content in contents
    )
    return Embeddings(outcomes, name, spec.dims or 0, purpose, timings)


def similarity(
    a: str | Embedding,
    b: str | Embedding,
    model: str | None = None,
    *,
    host: Host | None = None,
    settings: Settings | None = None,
) -> float:
    """The cosine of the angle between two texts or embeddings, −1 to 1.

    Texts are measured as documents by ``model``: by default that of the other embedding, or else MiniLM. Raises
    ``IncompatibleVectors`` for vectors of two models or of two versions of one.
    """
    known = next((each.model.partition("@")[0] for each in (a, b) if isinstance(each, Embedding)), "MiniLM")
    texts = [each for each in (a, b) if isinstance(each, str)]
    if texts:
        measured = iter(embed(texts, model or known, host=host, settings=settings).outcomes)
        a, b = (cast("Embedding", next(measured)) if isinstance(each, str) else each for each in (a, b))
    return cosine(cast("Embedding", a), cast("Embedding", b))


def cosine(a: Embedding, b: Embedding) -> float:
    """The cosine of the angle between two vectors of one model; raises ``IncompatibleVectors`` otherwise."""
    import numpy as np

    if a.model != b.model:
        raise IncompatibleVectors(
            f"vectors of {a.model} and {b.model} have no common measure", hint="measure both texts with one version"
        )
    x, y = a.vector.astype(np.float64), b.vector.astype(np.float64)
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def _in_batches(
    host: Host, spec: ModelSpec, contents: Sequence[Content], purpose: Purpose, tell: Callable[[int, int], object]
) -> tuple[list[Measured | ModelError], Timings]:
    size = host.settings.batch_size or spec.batch_size
    measured: list[Measured | ModelError] = []
    queue_s = load_s = run_s = 0.0
    for start in range(0, len(contents), size):
        some, took = host.measure(spec, contents[start : start + size], purpose)
        measured += some
        queue_s, load_s, run_s = queue_s + took.queue_s, load_s + took.load_s, run_s + took.run_s
        failed = sum(isinstance(each, ModelError) for each in measured)
        tell(len(measured) - failed, failed)
    return measured, Timings(queue_s, load_s, run_s)


def _embedding(measured: Measured | ModelError, model: str) -> Embedding | PanicError:
    if isinstance(measured, ModelError):
        return measured
    return Embedding(measured.vector, model, measured.truncated)


def _embedder(model: str) -> ModelSpec:
    spec = find(model)
    if spec.signature.is_generator:
        raise RequestError(
            f"{model} is {spec.signature}: it makes no vectors", hint="panic-tda model list --task 'text->vector'"
        )
    return spec


def _purpose(kind: str) -> Purpose:
    try:
        return Purpose(kind)
    except ValueError:
        raise RequestError(f"kind must be query or document, not {kind!r}") from None


def _content(spec: ModelSpec, given: str | Content) -> Content | PanicError:
    """The content to measure, or what is wrong with it."""
    try:
        content = Text(given) if isinstance(given, str) else given
    except SignatureError as fault:
        return fault
    if content.kind is not spec.signature.input:
        wanted = "a text" if spec.signature.input is Kind.TEXT else "an image"
        return SignatureError(f"{spec.name} measures {wanted}, not {content.kind}")
    return content
