"""Images with what is on record about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from panic_tda.lab.laboratory import load_config, perform
from panic_tda.store import images
from panic_tda.store.database import Record
from panic_tda.store.frames import invocations_frame, runs_frame
from panic_tda.store.images import MadeImage, count_images, images_of
from support.contents import image


def of_experiment(record: Record, **options: object) -> tuple[str, list[str]]:
    config = {"embedding_models": ["DummyText"], "prompts": ["a red apple"], "seeds": [4, -1], "max_length": 5}
    key = perform(record, load_config(config | options)).id
    return key, runs_frame(record, [key])["run_id"].to_list()


@pytest.fixture
def loop(record: Record) -> tuple[str, list[str]]:
    return of_experiment(record, network=["DummyT2I", "DummyI2T"])


def test_every_image_comes_with_its_record(record: Record, loop: tuple[str, list[str]]) -> None:
    key, run_ids = loop
    rows = invocations_frame(record, [key]).sort("run_id", "sequence_number").rows(named=True)
    by_place = {(row["run_id"], row["sequence_number"]): row for row in rows}
    found = [made for run_id in run_ids for made in images_of(record, run_id)]
    assert [(made.run_id, made.sequence_number) for made in found] == [
        (run_id, step) for run_id in run_ids for step in (0, 2, 4)
    ]
    for made in found:
        row = by_place[made.run_id, made.sequence_number]
        before = by_place.get((made.run_id, made.sequence_number - 1), {"text": "a red apple"})
        after = by_place.get((made.run_id, made.sequence_number + 1), {"text": None})
        assert made == MadeImage(
            experiment_id=key,
            run_id=row["run_id"],
            network="DummyT2I → DummyI2T",
            prompt="a red apple",
            sequence_number=row["sequence_number"],
            model="DummyT2I",
            version=row["version"],
            seed=row["seed"],
            input=before["text"],
            caption=after["text"],
            sha256=row["sha256"],
        )
    assert found[0].seed == 4
    assert found[2].caption is None


def test_a_prompt_that_is_an_image_is_named_by_its_key(record: Record, tmp_path: Path) -> None:
    start = image(5)
    start.to_pillow().save(tmp_path / "start.png")
    prompts = [{"image": str(tmp_path / "start.png")}]
    _, run_ids = of_experiment(record, network=["DummyI2T", "DummyT2I"], prompts=prompts, seeds=[1])
    found = list(images_of(record, run_ids[0]))
    assert {made.prompt for made in found} == {f"image {start.sha256}"}
    assert [made.sequence_number for made in found] == [1, 3]


def test_pieces_of_any_size_make_the_same_images(
    record: Record, loop: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(images_of(record, loop[1][0]))
    monkeypatch.setattr(images, "_STEPS_AT_ONCE", 2)
    assert list(images_of(record, loop[1][0])) == whole
    assert count_images(record, loop[1]) == 2 * len(whole) == 6


def test_a_run_without_steps_has_no_images(record: Record) -> None:
    assert list(images_of(record, "nothing")) == []
    assert count_images(record, []) == 0
