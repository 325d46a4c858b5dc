"""Images that runs made, each with what is on record about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from panic_tda.store.database import Record
from panic_tda.store.frames import network_label
from panic_tda.store.tables import invocations, model_versions, outputs, runs

_STEPS_AT_ONCE = 256


class MadeImage(NamedTuple):
    """An invocation that made an image.

    ``prompt`` is what the run began with and ``input`` what the model was given, either of them ``image SHA256`` if it
    is no text; ``caption`` is the text that the next step made of the image, if it did. ``sha256`` is the key of the
    image: a hash of its mode, size and pixels.
    """

    experiment_id: str
    run_id: str
    network: str
    prompt: str
    sequence_number: int
    model: str
    version: str
    seed: int
    input: str
    caption: str | None
    sha256: str


def count_images(record: Record, run_ids: Sequence[str]) -> int:
    """How many invocations of these runs made an image."""
    query = (
        sa.select(sa.func.count())
        .select_from(invocations)
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .where(invocations.c.run_id == sa.bindparam("run"), outputs.c.kind == "image")
    )
    with record.reading() as connection:
        return sum(connection.execute(query, {"run": run_id}).scalar_one() for run_id in run_ids)


def images_of(record: Record, run_id: str) -> Iterator[MadeImage]:
    """Every image of a run in the order of the steps, read in pieces."""
    with record.reading() as connection:
        last = connection.execute(_last(run_id)).scalar_one()
    for first in range(0, -1 if last is None else last + 1, _STEPS_AT_ONCE):
        with record.reading() as connection:
            found = connection.execute(_query(run_id, first, first + _STEPS_AT_ONCE - 1)).all()
        yield from map(_image, found)


def _last(run_id: str) -> sa.Select[Any]:
    return sa.select(sa.func.max(invocations.c.sequence_number)).where(invocations.c.run_id == run_id)


def _query(run_id: str, first: int, last: int) -> sa.Select[Any]:
    given, prompt, following, caption = outputs.alias(), outputs.alias(), invocations.alias(), outputs.alias()
    after = sa.and_(
        following.c.run_id == invocations.c.run_id,
        following.c.sequence_number == invocations.c.sequence_number + 1,
    )
    return (
        sa.select(
            invocations.c.run_id,
            invocations.c.sequence_number,
            invocations.c.seed,
            invocations.c.output_id,
            runs.c.experiment_id,
            runs.c.network,
            model_versions.c.name,
            model_versions.c.version,
            *(prompt.c[name].label(f"prompt_{name}") for name in ("id", "kind", "text")),
            *(given.c[name].label(f"input_{name}") for name in ("id", "kind", "text")),
            caption.c.text.label("caption"),
        )
        .join(outputs, outputs.c.id == invocations.c.output_id)
        .join(runs, runs.c.id == invocations.c.run_id)
        .join(model_versions, model_versions.c.id == invocations.c.model_version_id)
        .join(given, given.c.id == invocations.c.input_id)
        .join(prompt, prompt.c.id == runs.c.prompt_id)
        .outerjoin(following, after)
        .outerjoin(caption, caption.c.id == following.c.output_id)
        .where(invocations.c.run_id == run_id, outputs.c.kind == "image")
        .where(invocations.c.sequence_number.between(first, last))
        .order_by(invocations.c.sequence_number)
    )


def _image(row: Any) -> MadeImage:
    return MadeImage(
        experiment_id=row.experiment_id,
        run_id=row.run_id,
        network=network_label(row.network),
        prompt=row.prompt_text if row.prompt_kind == "text" else f"image {row.prompt_id}",
        sequence_number=row.sequence_number,
        model=row.name,
        version=row.version,
        seed=row.seed,
        input=row.input_text if row.input_kind == "text" else f"image {row.input_id}",
        caption=row.caption,
        sha256=row.output_id,
    )
