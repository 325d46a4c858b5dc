"""The invocations of a run: chosen, decoded, and written with what they made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.fault_points import reach
from panic_tda.store.importing import values
from panic_tda.store.importing.chain import Link, whole_chain
from panic_tda.store.importing.configuration import SourceRun
from panic_tda.store.importing.identifiers import identifier
from panic_tda.store.importing.image_data import picture
from panic_tda.store.importing.source import Row
from panic_tda.store.importing.tally import Refusal, shown
from panic_tda.store.importing.times import moment_if_any
from panic_tda.store.importing.work import Work
from panic_tda.store.outputs import encode_row, insert_outputs, known_outputs
from panic_tda.store.statements import chunks
from panic_tda.store.tables import invocations

_TABLE = "invocations"
_AT_ONCE = 32


class Place(NamedTuple):
    """A run's place in the record, and the moment to give to what has none."""

    run: SourceRun
    created_at: datetime


@dataclass
class Steps:
    """The steps of a run that are in the record: what each made, by its id, in order.

    ``lost`` are the ids of those that were refused, ``grew`` says that steps were added, ``cut`` that some which belong
    to the run are missing.
    """

    outputs: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    grew: bool = False
    cut: bool = False


class _Made(NamedTuple):
    """What an invocation made, and how; of an output that is there already, ``output`` has the id alone."""

    output: dict[str, Any]
    facts: dict[str, Any]


def import_steps(work: Work, place: Place) -> Steps:
    """Imports the invocations of a run that is in the record, and returns all that are there."""
    steps = Steps()
    links = list(_links(work, place.run, steps))
    chain = whole_chain(links, inputs_known=work.source.exists(_TABLE, "input_invocation_id"))
    for link, reason in chain.refused:
        _refuse(work, steps, link.id, reason)
    steps.cut = steps.cut or chain.cut
    there = _recorded(work, place.run.id)
    fault = ""
    before = place.run.prompt.sha256
    for piece in chunks(chain.kept, _AT_ONCE):
        if not fault:
            before, fault = _import_piece(work, place, piece, there, steps, before)
            reach("inside the commit")
        else:
            for link in piece:
                _refuse(work, steps, link.id, fault)
        work.advance(len(piece))
    steps.cut = steps.cut or bool(fault)
    return steps


def _refuse(work: Work, steps: Steps, key: str, reason: object) -> None:
    work.tally.refuse(_TABLE, key, reason)
    steps.lost.append(key)


def _links(work: Work, run: SourceRun, steps: Steps) -> Iterator[Link]:
    """Every invocation of the run as a link; those that cannot be one are refused."""
    words = ("id", "sequence_number", "input_invocation_id", "started_at")
    seen: set[str] = set()
    for row in work.source.rows_with(_TABLE, "run_id", [run.id], words):
        try:
            key = identifier(row["id"], work.source.era.id_form)
            number = values.whole(row["sequence_number"], "its sequence_number")
            if key in seen:
                raise Refusal("another invocation has the same id")
        except Refusal as reason:
            work.tally.refuse(_TABLE, row["id"], reason)
            if isinstance(row["id"], str) and row["id"] not in seen:
                steps.lost.append(row["id"])
            steps.cut = True
            continue
        seen.add(key)
        yield Link(key, number, row["input_invocation_id"], str(row["started_at"] or ""))


def _recorded(work: Work, run_id: str) -> dict[str, tuple[int, str]]:
    """What the record holds of the run: sequence number and output by id."""
    columns = (invocations.c.id, invocations.c.sequence_number, invocations.c.output_id)
    rows = work.connection.execute(sa.select(*columns).where(invocations.c.run_id == run_id))
    return {key: (number, output_id) for key, number, output_id in rows}


def _import_piece(
    work: Work, place: Place, piece: Sequence[Link], there: Mapping[str, tuple[int, str]], steps: Steps, before: str
) -> tuple[str, str]:
    """Imports some consecutive links; returns the last output, and why the run ends here if it does."""
    new = [link for link in piece if link.id not in there]
    made = _all_made(work, place, new)
    taken = work.taken(invocations, [link.id for link in new])
    numbers = {number for number, _ in there.values()}
    rows, fault = [], ""
    for link in piece:
        if not fault and link.id in there and there[link.id][0] == link.sequence_number:
            work.tally.present(_TABLE)
            before = steps.outputs[link.id] = there[link.id][1]
            continue
        reason = fault or _obstacle(link, made.get(link.id), taken, numbers)
        if reason:
            _refuse(work, steps, link.id, reason)
            fault = fault or f"it comes after step {link.sequence_number}, which is refused"
            continue
        found = made[link.id]
        assert isinstance(found, _Made)
        rows.append(_row(place.run, link, found, before))
        before = steps.outputs[link.id] = found.output["id"]
    _write_outputs(work, [made[row["id"]] for row in rows])
    if rows:
        work.connection.execute(sa.insert(invocations), rows)
        work.tally.imported(_TABLE, len(rows))
        steps.grew = True
    return before, fault


def _write_outputs(work: Work, made: Iterable[_Made | Refusal]) -> None:
    """Stores what was made and is not there yet."""
    new = {each.output["id"]: each.output for each in made if isinstance(each, _Made) and "kind" in each.output}
    insert_outputs(work.connection, list(new.values()))


def _obstacle(link: Link, found: _Made | Refusal | None, taken: set[str], numbers: set[int]) -> str:
    if link.id in taken:
        return "the record has another invocation of that id"
    if link.sequence_number in numbers:
        return f"the record has another invocation as step {link.sequence_number} of that run"
    if found is None:
        return "it could not be read"
    return str(found) if isinstance(found, Refusal) else ""


def _row(run: SourceRun, link: Link, made: _Made, before: str) -> dict[str, Any]:
    place = {"id": link.id, "run_id": run.id, "sequence_number": link.sequence_number}
    return place | {"input_id": before, "output_id": made.output["id"]} | made.facts


def _all_made(work: Work, place: Place, links: Sequence[Link]) -> dict[str, _Made | Refusal]:
    """What each of the links made, read one at a time; or why that cannot be used."""
    numbers = {link.id: link.sequence_number for link in links}
    found: dict[str, _Made | Refusal] = {}
    encoded: dict[str, dict[str, Any]] = {}
    for row in work.source.rows_with(_TABLE, "id", list(numbers)):
        key = row["id"]
        if key in found or row["sequence_number"] != numbers[key] or row["run_id"] != place.run.id:
            continue
        try:
            found[key] = _made(work, place, row, encoded)
        except Refusal as reason:
            found[key] = reason
    return found


def _made(work: Work, place: Place, row: Row, encoded: dict[str, dict[str, Any]]) -> _Made:
    model = values.name(row["model"], "its model")
    kind = work.source.era.kinds.get(row["type"]) if isinstance(row["type"], str) else None
    if kind is None:
        raise Refusal(f"its type {shown(row['type'])!r} is none of {', '.join(work.source.era.kinds)}")
    started = moment_if_any(row["started_at"], work.zone, "its start") or place.created_at
    completed = moment_if_any(row["completed_at"], work.zone, "its end") or started
    facts = {
        "model_version_id": work.version(model)[0],
        "seed": values.seed(row["seed"]),
        "started_at": started,
        "completed_at": completed,
        "seconds": max(0.0, (completed - started).total_seconds()),
    }
    return _Made(_text(row) if kind == "text" else _image(work, row, encoded), facts)


def _text(row: Row) -> dict[str, Any]:
    if row["output_text"] is None:
        raise Refusal("it has no output")
    return encode_row(Text(values.text(row["output_text"], "its text")))


def _image(work: Work, row: Row, encoded: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The row of an image; one that is there already is not encoded again."""
    if row["output_image"] is None:
        without = "" if work.source.era.has_images else ": a Parquet dump holds no images"
        raise Refusal(f"it has no output{without}")
    found = picture(row["output_image"])
    key = found.image.sha256
    if key not in encoded:
        known = found.stored is None and bool(known_outputs(work.connection, [key]))
        encoded[key] = {"id": key} if known else encode_row(found.image, found.stored)
    return encoded[key]
