"""What is broken or hostile in a source is refused by name; the rest arrives, and the record is whole."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panic_tda.store.database import Record
from panic_tda.store.tables import invocations, runs
from support import erlang
from support.earlier import PYTHON_TABLES, Earlier, Row, encoded_image, npz, vector
from support.importing import damages, imported, reasons, rows

Plant = Callable[[Earlier], Row]


def changed(table: str, place: int, **values: Any) -> Plant:
    """A row of the source with other values."""

    def plant(earlier: Earlier) -> Row:
        row = earlier.tables[table][place]
        row |= values
        return row

    return plant


def added(table: str, like: int, **values: Any) -> Plant:
    """One more row, like another but for its id and some values."""

    def plant(earlier: Earlier) -> Row:
        row = earlier.tables[table][like] | {"id": earlier.key()} | values
        earlier.tables[table].append(row)
        return row

    return plant


NOWHERE = "f" * 32
NAN = np.full(8, np.nan, "<f4").tobytes()
ENDLESS = np.array([np.inf, *[0.5] * 7], "<f4").tobytes()

ONE_ROW: dict[str, tuple[str, Plant, str]] = {
    "a vector that is missing": ("embeddings", changed("embeddings", 0, vector=None), "it has no vector"),
    "a vector that is too short": ("embeddings", changed("embeddings", 0, vector=vector(1)[:7].tobytes()), "28 bytes"),
    "a vector of broken bytes": ("embeddings", changed("embeddings", 0, vector=b"xyz"), "3 bytes"),
    "a vector that is a text": ("embeddings", changed("embeddings", 0, vector="[1, 2]"), "not binary data"),
    "a vector of NaN": ("embeddings", changed("embeddings", 0, vector=NAN), "NaN or infinity"),
    "a vector with infinity": ("embeddings", changed("embeddings", 0, vector=ENDLESS), "NaN or infinity"),
    "a vector of zeros": ("embeddings", changed("embeddings", 0, vector=bytes(32)), "is zero"),
    "a vector of nothing": ("embeddings", changed("embeddings", 0, invocation_id=NOWHERE), "not in the source: fff"),
    "a vector by nobody": ("embeddings", changed("embeddings", 0, embedding_model=""), "is no name"),
    "another vector of one text": (
        "embeddings",
        added("embeddings", 0, vector=vector(99).tobytes()),
        "another vector of that embedder",
    ),
    "a pickle in a diagram": (
        "persistence_diagrams",
        changed("persistence_diagrams", 0, diagram_data=npz(dgms_0=np.array([{1}], dtype=object))),
        "never unpickled",
    ),
    "a bare pickle": (
        "persistence_diagrams",
        changed("persistence_diagrams", 0, diagram_data=pickle.dumps({"dgms_0": 1})),
        "does not decode",
    ),
    "a bomb in a diagram": (
        "persistence_diagrams",
        changed("persistence_diagrams", 0, diagram_data=npz(dgms_0=np.zeros((10_000_000, 2), np.float32))),
        "inflates to 80,000,",
    ),
    "a diagram that is cut off": (
        "persistence_diagrams",
        changed("persistence_diagrams", 0, diagram_data=npz()[:-40]),
        "does not decode",
    ),
    "a diagram without data": (
        "persistence_diagrams",
        changed("persistence_diagrams", 0, diagram_data=None),
        "it has no data",
    ),
    "a diagram of no run": (
        "persistence_diagrams",
        changed("persistence_diagrams", 0, run_id=NOWHERE),
        "its run is not in the source",
    ),
    "a second diagram": ("persistence_diagrams", added("persistence_diagrams", 0), "its run has another diagram"),
    "an invocation of no run": ("invocations", added("invocations", 0, run_id=NOWHERE), "its run is not in the source"),
    "an invocation of a number": ("invocations", added("invocations", 0, run_id=1e31), "the number 1e+31"),
    "a duplicate": ("invocations", added("invocations", 5), "a duplicate of step 5"),
    "a run of no experiment": ("runs", added("runs", 0, experiment_id=NOWHERE), "its experiment is not in the source"),
    "a run with a number for an id": ("runs", added("runs", 0, id=6.8886805e30), "became the number"),
    "a run with a whole number for an id": ("runs", added("runs", 0, id=12), "became the number 12"),
    "a run with infinity for an id": ("runs", added("runs", 0, id=float("inf")), "became the number inf"),
    "a run without an id": ("runs", added("runs", 0, id=None), "its id is missing"),
    "a run whose id is a blob": ("runs", added("runs", 0, id=b"\0" * 16), "its id is not a text"),
    "a run whose id is in capitals": ("runs", added("runs", 0, id="F" * 32), "has not the form of an id"),
    "a run with a cut-off network": ("runs", added("runs", 0, network='["FluxSchnell", "BL'), "its network is no JSON"),
    "a run with a bottomless network": ("runs", added("runs", 0, network="[" * 200_000), "its network is"),
    "a run with a network of numbers": ("runs", added("runs", 0, network="[1, 2]"), "not a text"),
    "a run without a prompt": ("runs", added("runs", 0, initial_prompt=None), "its prompt is missing"),
    "a run with a seed beyond seeds": ("runs", added("runs", 0, seed=-5), "its seed is -5"),
    "a run with a seed of letters": ("runs", added("runs", 0, seed="lots"), "its seed is a text"),
    "a run that is too long": ("runs", added("runs", 0, max_length=2**40), "its max_length is"),
    "an experiment with cut-off JSON": ("experiments", added("experiments", 0, prompts='["a red app'), "is no JSON"),
    "an experiment with a wrong time": (
        "experiments",
        added("experiments", 0, started_at="yesterday"),
        "is no date and time",
    ),
    "an experiment before all time": (
        "experiments",
        added("experiments", 0, started_at="0000-13-77 99:00:00"),
        "is no date and time",
    ),
    "an experiment with NUL in a prompt": ("experiments", added("experiments", 0, prompts='["a\\u0000b"]'), "NUL"),
    "an experiment with half a character": ("experiments", added("experiments", 0, prompts='["\\ud800"]'), "UTF-8"),
    "an experiment of nothing": ("experiments", added("experiments", 0, networks="[]"), "its networks are no list"),
    "an experiment of infinite length": (
        "experiments",
        added("experiments", 0, max_length=float("inf")),
        "not a whole",
    ),
}
"""Each is one row that is refused and takes nothing else along, since nothing hangs on it."""

CUTTING: dict[str, tuple[Plant, str]] = {
    "an unknown type": (changed("invocations", 3, type="AUDIO"), "its type 'AUDIO' is none of TEXT, IMAGE"),
    "a type in small letters": (changed("invocations", 3, type="text"), "its type 'text' is none of"),
    "no output": (changed("invocations", 3, output_text=None), "it has no output"),
    "no image": (changed("invocations", 2, output_image_data=None), "it has no output"),
    "an image that is cut off": (changed("invocations", 2, output_image_data=encoded_image(2)[:40]), "does not decode"),
    "a text in the place of an image": (changed("invocations", 2, output_image_data="text"), "not binary data"),
    "NUL in a text": (changed("invocations", 3, output_text="a\0b"), "NUL"),
    "a text that is not UTF-8": (changed("invocations", 3, output_text=b"\xff\xfe"), "binary data, not a text"),
    "a wrong input": (changed("invocations", 3, input_invocation_id=NOWHERE), "its input is fff"),
    "no input": (changed("invocations", 3, input_invocation_id=None), "its input is None"),
    "itself as its input": (
        lambda earlier: changed("invocations", 3, input_invocation_id=earlier.tables["invocations"][3]["id"])(earlier),
        "its input is",
    ),
    "a circle": (
        lambda earlier: changed("invocations", 3, input_invocation_id=earlier.tables["invocations"][4]["id"])(earlier),
        "its input is",
    ),
    "a number that is none": (changed("invocations", 3, sequence_number="three"), "its sequence_number is a text"),
    "a negative number": (changed("invocations", 3, sequence_number=-7), "its sequence_number is -7"),
    "a number too far": (changed("invocations", 3, sequence_number=300), "which is missing"),
    "an id that became a number": (changed("invocations", 3, id=6.8e5), "became the number"),
    "a wrong time": (changed("invocations", 3, started_at="2025-13-01 00:00:00"), "is no date and time"),
    "a time that is a number": (changed("invocations", 3, started_at=12.5), "is no date and time"),
    "a model without a name": (changed("invocations", 3, model="\x1b[2J"), "is no name"),
    "a seed that is no number": (changed("invocations", 3, seed=0.5), "its seed is a number, not a whole number"),
}
"""Each ends the first run before the row, and takes what comes after it along."""


def everything_is_accounted_for(source: Path, result: dict[str, Any]) -> None:
    """Every row of the source was imported, there already, or refused with a reason."""
    with closing(sqlite3.connect(source)) as database:
        for table, name in PYTHON_TABLES.items():
            if table != "clusters":
                found = database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                counts = result[table]
                assert counts["found"] == found, table
                assert counts["imported"] + counts["present"] + counts["refused"] == found
    assert len(result["refused"]) == sum(counts["refused"] for key, counts in result.items() if key != "refused")
    assert all(row["reason"] for row in result["refused"])


def planted(plant: Plant, path: Path, **declared: str) -> tuple[Path, Row]:
    earlier = Earlier(declared=declared)
    earlier.experiment(runs=2)
    earlier.experiment(runs=1)
    row = plant(earlier)
    return earlier.write(path), row


@pytest.mark.parametrize("name", ONE_ROW)
def test_a_broken_row_is_refused_and_the_rest_arrives(sqlite_record: Record, tmp_path: Path, name: str) -> None:
    table, plant, reason = ONE_ROW[name]
    source, _ = planted(plant, tmp_path / "old.sqlite")
    result = imported(source, sqlite_record)
    (refused,) = result["refused"]
    assert refused["table"] == table
    assert reason in refused["reason"]
    everything_is_accounted_for(source, result)
    assert result["invocations"]["imported"] == 18


@pytest.mark.parametrize("name", CUTTING)
def test_a_run_ends_where_it_is_broken(sqlite_record: Record, tmp_path: Path, name: str) -> None:
    plant, reason = CUTTING[name]
    source, row = planted(plant, tmp_path / "old.sqlite")
    result = imported(source, sqlite_record)
    refused = reasons(result, "invocations")
    assert reason in refused[str(row["id"])]
    kept = 2 if row["sequence_number"] == 2 else 3
    lengths = {each["id"]: (each["length"], each["stop_reason"]) for each in rows(sqlite_record, runs)}
    assert list(lengths.values()) == [(kept, None), (6, "length"), (6, "length")]
    assert len(refused) == 6 - kept
    assert len(reasons(result, "persistence_diagrams")) == 1
    everything_is_accounted_for(source, result)
    assert damages(sqlite_record) == []


def test_all_of_it_at_once(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1)
    for _, plant, _ in ONE_ROW.values():
        earlier.experiment(runs=1, steps=2)
        for rows_of in earlier.tables.values():
            rows_of.reverse()
        plant(earlier)
        for rows_of in earlier.tables.values():
            rows_of.reverse()
    source = earlier.write(tmp_path / "old.sqlite")
    result = imported(source, record)
    everything_is_accounted_for(source, result)
    assert result["invocations"]["imported"] > 60
    assert damages(record) == []
    again = imported(source, record)
    assert {counts["imported"] for table, counts in again.items() if table != "refused"} == {0}
    assert again["refused"] == result["refused"]


def test_nothing_of_a_refused_experiment_is_left_unsaid(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=2)
    earlier.experiment(runs=1)
    earlier.tables["experiments"][0]["max_length"] = 0
    source = earlier.write(tmp_path / "old.sqlite")
    result = imported(source, record)
    key = earlier.tables["experiments"][0]["id"]
    assert reasons(result, "experiments") == {key: "its max_length is 0, which is not within 1 and 2147483647"}
    assert set(reasons(result, "runs").values()) == {f"its experiment {key} was refused"}
    everything_is_accounted_for(source, result)
    assert (result["runs"]["imported"], result["invocations"]["imported"]) == (1, 6)
    assert damages(record) == []


def test_ids_that_a_column_of_numbers_swallowed_are_refused_and_those_beside_them_stay_apart(
    record: Record, tmp_path: Path
) -> None:
    first, second = "0688868050e750978308376736095512", "0688868050e950978308376736095512"
    earlier = Earlier(declared={"run.id": "UUID", "invocation.run_id": "UUID", "persistencediagram.run_id": "UUID"})
    earlier.experiment(runs=3)
    for run, key in zip(earlier.tables["runs"][1:], (first, second), strict=True):
        for table in ("invocations", "persistence_diagrams"):
            for row in earlier.tables[table]:
                row["run_id"] = key if row["run_id"] == run["id"] else row["run_id"]
        run["id"] = key
    source = earlier.write(tmp_path / "old.sqlite")
    result = imported(source, record)
    assert result["runs"] == {"found": 3, "imported": 1, "present": 0, "refused": 2}
    assert all("became the number inf" in reason for reason in reasons(result, "runs").values())
    everything_is_accounted_for(source, result)
    assert damages(record) == []


def test_such_ids_in_a_column_of_texts_stay_distinct(record: Record, tmp_path: Path) -> None:
    keys = ["0688868050e750978308376736095512", "0688868050e950978308376736095512"]
    earlier = Earlier()
    earlier.experiment(runs=2, steps=1)
    for run, row, key in zip(earlier.tables["runs"], earlier.tables["invocations"], keys, strict=True):
        run["id"] = row["run_id"] = key
    earlier.tables["persistence_diagrams"].clear()
    assert imported(earlier.write(tmp_path / "old.sqlite"), record)["refused"] == []
    assert [row["id"] for row in rows(record, runs)] == keys


def test_text_that_is_not_utf8_is_refused(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1)
    source = earlier.write(tmp_path / "old.sqlite")
    with closing(sqlite3.connect(source)) as database:
        database.execute("UPDATE invocation SET output_text = CAST(x'ff41' AS TEXT) WHERE sequence_number = 3")
        database.commit()
    (reason, *_) = reasons(imported(source, record), "invocations").values()
    assert reason == "its text is not valid UTF-8"
    assert len(rows(record, invocations)) == 3


def test_values_that_are_too_long_are_never_read(sqlite_record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1)
    earlier.tables["invocations"][3]["output_text"] = "long " * 1_000_000
    earlier.tables["embeddings"][0]["vector"] = bytes(2_000_000)
    result = imported(earlier.write(tmp_path / "old.sqlite"), sqlite_record)
    assert "its text has 5,000,000 bytes, more than is read" in reasons(result, "invocations").values()
    assert "its vector has 2,000,000 bytes, more than is read" in reasons(result, "embeddings").values()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (erlang.term_to_binary([erlang.Atom(f"a{n}") for n in range(300)]), "more than 256 atoms"),
        (b"\x83P\xff\xff\xff\xff" + bytes(10), "inflates to 4,294,967,295 bytes"),
        (b"\x83" + b"l\0\0\0\x01" * 5_000, "nested more than 16 deep"),
        (erlang.term_to_binary({erlang.Atom("dgms"): [[[0.0]]]}), "a bar that is no birth and death"),
        (erlang.term_to_binary({erlang.Atom("dgms"): [[[0.0, erlang.Atom("nan")]]]}), "death before its birth"),
        (erlang.term_to_binary({erlang.Atom("dgms"): [[[erlang.Atom("-inf"), 0.0]]]}), "without a finite birth"),
        (erlang.term_to_binary({erlang.Atom("dgms"): [[[0, 10**400]]]}), "too large a number"),
        (erlang.term_to_binary({erlang.Atom("dgms"): 5}), "no list of diagrams"),
        (b"\x83h\x02a", "cut off"),
    ],
)
def test_hostile_terms_are_refused_where_they_stand(
    sqlite_record: Record, tmp_path: Path, data: bytes, reason: str
) -> None:
    earlier = Earlier("elixir")
    earlier.experiment(runs=2)
    earlier.tables["persistence_diagrams"][0]["diagram_data"] = data
    result = imported(earlier.write(tmp_path / "old.sqlite"), sqlite_record)
    (refused,) = reasons(result, "persistence_diagrams").values()
    assert reason in refused
    assert result["persistence_diagrams"]["imported"] == 1
    assert damages(sqlite_record) == []


def test_ids_that_the_record_has_for_something_else_are_refused(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=1)
    imported(earlier.write(tmp_path / "first.sqlite"), record)
    other = Earlier()
    other.experiment(runs=1)
    other.tables["experiments"][0]["id"] = run_of = "e" * 32
    other.tables["runs"][0]["experiment_id"] = run_of
    result = imported(other.write(tmp_path / "second.sqlite"), record)
    assert list(reasons(result, "runs").values()) == ["the record has another run of that id"]
    everything_is_accounted_for(tmp_path / "second.sqlite", result)
    assert damages(record) == []


def test_members_of_clusters_that_dangle_are_refused(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=2)
    vectors = earlier.tables["embeddings"]
    earlier.clustering([vectors[:3]], vectors[3:])
    earlier.clustering([[{"id": NOWHERE}]], [])
    members = earlier.tables["embedding_clusters"]
    members[1]["embedding_id"] = NOWHERE
    members[4]["medoid_embedding_id"] = 5
    source = earlier.write(tmp_path / "old.sqlite")
    result = imported(source, record)
    assert f"its embedding {NOWHERE} is not in the record" in reasons(result, "embedding_clusters").values()
    assert "none of its members is in the record" in reasons(result, "clustering_results").values()
    everything_is_accounted_for(source, result)
    assert damages(record) == []


def test_a_content_in_two_clusters_stays_in_one(record: Record, tmp_path: Path) -> None:
    earlier = Earlier()
    earlier.experiment(runs=2)
    vectors = earlier.tables["embeddings"]
    for place in (3, 4):  # the same text, in either cluster
        earlier.tables["invocations"][2 * place + 1]["output_text"] = "text 1001"
        vectors[place]["vector"] = vectors[0]["vector"]
    earlier.clustering([vectors[:3], vectors[3:]], [])
    source = earlier.write(tmp_path / "old.sqlite")
    result = imported(source, record)
    everything_is_accounted_for(source, result)
    assert len(reasons(result, "embedding_clusters")) == 3  # the cluster whose middle stands for the other one
    assert damages(record) == []


def test_nothing_is_executed(sqlite_record: Record, tmp_path: Path) -> None:
    class Planted:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "executed"),)

    earlier = Earlier()
    earlier.experiment(runs=1)
    planted_data = npz(dgms_0=np.array([Planted()], dtype=object))
    assert b"executed" in planted_data or planted_data
    earlier.tables["persistence_diagrams"][0]["diagram_data"] = planted_data
    imported(earlier.write(tmp_path / "old.sqlite"), sqlite_record)
    assert not (tmp_path / "executed").exists()
