from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from panic_tda.content import Text
from panic_tda.errors import RequestError
from panic_tda.lab.verify import verify
from panic_tda.store.database import Record
from panic_tda.store.outputs import encode_row, insert_outputs
from panic_tda.store.tables import invocations, model_versions, outputs
from support.laboratory import bench_on, performed

CONFIG: dict[str, Any] = {
    "networks": [["DummyT2I", "DummyI2T"]],
    "prompts": ["a red apple", "a blue pear"],
    "seeds": [7, -1],
    "embedding_models": ["DummyText"],
    "max_length": 10,
    "stages": {"diagrams": False},
}


def altered(record: Record) -> str:
    """One recorded caption is replaced by another, consistently with its hash; its invocation's id."""
    forged = Text("dummy caption: a forgery")
    with record.writing() as connection:
        insert_outputs(connection, [encode_row(forged)])
        texts = sa.select(outputs.c.id).where(outputs.c.kind == "text")
        mine = sa.select(invocations.c.id).where(invocations.c.output_id.in_(texts)).order_by(invocations.c.id)
        key = connection.execute(mine.offset(5).limit(1)).scalar_one()
        connection.execute(sa.update(invocations).where(invocations.c.id == key).values(output_id=forged.sha256))
    return str(key)


def test_what_is_recorded_comes_out_again_drawn_seeds_and_all(record: Record) -> None:
    performed(record, CONFIG)
    with bench_on(record) as bench:
        found = verify(bench, "latest", sample=None)
    assert (found.checked, found.matched, found.mismatched) == (40, 40, [])


def test_a_sample_is_of_the_size_asked_for_and_the_same_for_the_same_generator(record: Record) -> None:
    performed(record, CONFIG)
    with bench_on(record) as bench:
        found = [verify(bench, "latest", sample=9, rng=np.random.default_rng(1)) for _ in range(2)]
    assert [(each.checked, each.matched) for each in found] == [(9, 9), (9, 9)]


def test_one_altered_output_among_a_thousand_is_detected(sqlite_record: Record) -> None:
    performed(sqlite_record, CONFIG | {"seeds": list(range(10)), "max_length": 50})
    forged = altered(sqlite_record)
    with bench_on(sqlite_record) as bench:
        found = verify(bench, "latest", sample=None)
    assert found.checked > 900
    # The one that gave something else, and the next one, which was given something else.
    assert forged in {each.invocation_id for each in found.mismatched}
    assert len(found.mismatched) == 1
    assert found.mismatched[0].found != found.mismatched[0].recorded


def test_another_version_of_a_model_is_not_compared_but_said(record: Record) -> None:
    performed(record, CONFIG)
    with record.writing() as connection:
        mine = model_versions.c.name == "DummyI2T"
        connection.execute(sa.update(model_versions).where(mine).values(version="older"))
    with bench_on(record) as bench:
        found = verify(bench, "latest", sample=None)
    assert found.checked == found.matched == 20
    ((reason, number),) = found.unverifiable.items()
    assert number == 20
    assert reason.startswith("DummyI2T is installed as ")
    assert reason.endswith("it was older")


def test_nothing_to_execute_again_is_said_in_one_line(record: Record) -> None:
    performed(record, CONFIG)
    with record.writing() as connection:
        connection.execute(sa.update(model_versions).values(name="Retired" + model_versions.c.name))
    with bench_on(record) as bench, pytest.raises(RequestError, match="RetiredDummyT2I is not in the catalogue"):
        verify(bench, "latest")
