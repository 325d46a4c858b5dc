from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.errors import ConfigurationError, InsufficientData
from panic_tda.training.dataset import (
    Dataset,
    is_held_out,
    make_dataset,
    read_dataset,
    without_duplicates,
    write_dataset,
)
from panic_tda.training.pairs import Pair, normalised, read_pairs

texts = st.sampled_from(["red", "Red!", "blue", "BLUE ", "green", "a b", "a-b", "grün", "?", "so long", "so, long."])
pairs = st.builds(Pair, texts, texts, st.sampled_from("abcdefgh"), st.lists(texts, max_size=3).map(tuple))


def seen(part: list[Pair]) -> set[str]:
    return {normalised(text) for pair in part for text in (pair.anchor, pair.positive, *pair.negatives)}


@given(st.lists(pairs, max_size=40), st.floats(0.05, 0.95))
def test_no_text_is_on_both_sides_of_the_split(corpus: list[Pair], share: float) -> None:
    kept = without_duplicates(corpus, Counter())
    held_out = [pair for pair in kept if is_held_out(pair.source, share)]
    train = [pair for pair in kept if not is_held_out(pair.source, share)]
    assert not seen(held_out) & seen(train)
    for part in (train, held_out):
        assert len({normalised(pair.anchor) for pair in part}) == len(part)
        assert len({normalised(pair.positive) for pair in part}) == len(part)


def many(count: int, sources: int = 40) -> list[Pair]:
    return [Pair(f"anchor {n}", f"positive {n}", f"file-{n % sources}") for n in range(count)]


def test_duplicates_are_counted_by_reason_and_the_first_is_kept() -> None:
    counts: Counter[str] = Counter()
    given = [
        Pair("Add one.", "x + 1", "a", ("other", "ADD one", "other!")),
        Pair("add  ONE", "y", "b"),
        Pair("z", "x+1", "a"),
        Pair("?", "!", "a"),
        Pair("same", "Same.", "a"),
        Pair("w", "other", "a"),
    ]
    kept = without_duplicates(given, counts)
    assert [(pair.anchor, pair.negatives) for pair in kept] == [("Add one.", ("other",)), ("w", ())]
    assert counts == {"duplicate": 2, "no words of its own": 2}


def test_a_source_stays_on_its_side_when_the_corpus_grows() -> None:
    small, large = make_dataset(many(300)), make_dataset([*many(300), *many(400, sources=77)])
    assert {pair.source for pair in small.held_out} <= {pair.source for pair in large.held_out}
    assert 0.05 < len(large.held_out) / 400 < 0.4


def test_the_order_in_which_sources_are_given_changes_nothing() -> None:
    assert make_dataset(many(300)).sha256 == make_dataset(sorted(many(300), key=lambda pair: pair.source)).sha256


def test_at_most_so_many_are_kept_of_each_part() -> None:
    dataset = make_dataset(many(600), max_train=100, max_held_out=20)
    assert (len(dataset.train), len(dataset.held_out)) == (100, 20)
    assert len({pair.source for pair in dataset.train}) > 15


def test_too_few_pairs_are_refused_with_the_numbers() -> None:
    with pytest.raises(InsufficientData, match=r"199 pairs, fewer than min_pairs \(200\); 3 syntax error"):
        make_dataset(many(199), {"syntax error": 3})
    with pytest.raises(InsufficientData, match="1 sources with 300 pairs"):
        make_dataset(many(300, sources=1))


def test_a_data_set_is_read_as_it_was_written_and_no_other(tmp_path: Path) -> None:
    dataset = make_dataset(many(300), {"syntax error": 1})
    write_dataset(dataset, tmp_path)
    assert read_dataset(tmp_path) == dataset
    told = json.loads((tmp_path / "dataset.json").read_text())
    assert told["pairs"] == told["train"] + told["held_out"] == 300
    assert told["split"]["share"] == 0.2
    (tmp_path / "train.jsonl").write_text('{"anchor": "a", "positive": "b", "source": "c"}\n')
    with pytest.raises(ConfigurationError, match="have changed"):
        read_dataset(tmp_path)
    with pytest.raises(ConfigurationError, match=r"dataset\.json"):
        read_dataset(tmp_path / "elsewhere")


def test_two_splits_of_the_same_pairs_are_two_data_sets() -> None:
    given = tuple(many(40))
    assert Dataset(given[:30], given[30:], 0.2).sha256 != Dataset(given[:20], given[20:], 0.2).sha256


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[1]", "is not an object"),
        ("{", "is not JSON"),
        ('{"anchor": "a"}', "positive must be a text"),
        ('{"anchor": " ", "positive": "b"}', "anchor must be a text"),
        ('{"anchor": "a", "positive": "b", "negative": "c"}', "unknown key 'negative'"),
        ('{"anchor": "a", "positive": "b", "negatives": "c"}', "negatives must be a list"),
        ('{"anchor": "a", "positive": "b", "source": 1}', "source must be a text"),
    ],
)
def test_a_faulty_line_is_named(line: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"anchor": "a", "positive": "b"}\n\n' + line + "\n")
    with pytest.raises(ConfigurationError, match=rf"pairs\.jsonl:3: {fault}"):
        list(read_pairs(path))


def test_a_line_without_a_source_is_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"anchor": "a", "positive": "b"}\n{"anchor": "c", "positive": "d", "negatives": ["e"]}\n')
    assert list(read_pairs(path)) == [Pair("a", "b", "pairs.jsonl:1"), Pair("c", "d", "pairs.jsonl:2", ("e",))]
