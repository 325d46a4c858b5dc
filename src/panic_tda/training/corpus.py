"""From what a corpus names to a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from panic_tda.errors import RequestError
from panic_tda.store.database import Record
from panic_tda.training.code import code_pairs, stdlib_pairs
from panic_tda.training.config import Corpus, Selection
from panic_tda.training.dataset import Dataset, make_dataset, read_dataset
from panic_tda.training.pairs import Pair, read_pairs
from panic_tda.training.python_code import Found
from panic_tda.training.trajectories import trajectory_pairs

OpenRecord = Callable[[], Record]
"""Opens the record; called only when pairs come from trajectories."""


def without_record() -> Record:
    """Raises ``RequestError``: pairs of trajectories come from a record."""
    raise RequestError("pairs from trajectories need a record", hint="give open_record")


def gather(selection: Selection, open_record: OpenRecord = without_record) -> Dataset:
    """The data set of a corpus; one that was made before is taken as it is, if it is large enough.

    Raises ``InsufficientData``, ``ConfigurationError`` for files that cannot be read, ``NotFound`` for an experiment.
    """
    if selection.corpus.dataset:
        made = read_dataset(Path(selection.corpus.dataset))
        return make_dataset(
            (*made.train, *made.held_out),
            made.skipped,
            share=made.share,
            min_pairs=selection.min_pairs,
            max_train=selection.max_train,
            max_held_out=selection.max_held_out,
        )
    pairs: list[Pair] = []
    skipped: Counter[str] = Counter()
    for found in _parts(selection.corpus, open_record):
        pairs += found.pairs
        skipped += found.skipped
    return make_dataset(
        pairs,
        skipped,
        share=selection.held_out,
        min_pairs=selection.min_pairs,
        max_train=selection.max_train,
        max_held_out=selection.max_held_out,
    )


def _parts(corpus: Corpus, open_record: OpenRecord) -> Iterator[Found]:
    for folder in corpus.code:
        yield code_pairs(Path(folder), corpus.languages)
    if corpus.stdlib:
        yield stdlib_pairs()
    for path in corpus.pairs:
        yield Found(list(read_pairs(Path(path))), Counter())
    if corpus.trajectories:
        with open_record() as record:
            yield trajectory_pairs(record, corpus.trajectories.experiments, corpus.trajectories.apart)
