# An embedder is tuned on docstrings, and one experiment on code is measured with it and with the base: what changed?
# Needs the extras torch and train, and the weights of MiniLMTorch and SmolLM2: python examples/tuned_instrument.py
"""Tunes MiniLM on the standard library, lets code be explained and coded again, and compares both measurements.

Writes ``instrument.sqlite`` into the working folder; the new version stays with the others, see ``version list``.
"""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from code_loop import experiment

import panic_tda
from panic_tda.training.config import validate_tuning
from panic_tda.training.finetune import Tuned, finetune

BASE = "MiniLMTorch"


def tuned(max_train: int, max_held_out: int) -> Tuned:
    """A version of the embedder, made now or made before of the same corpus."""
    config = validate_tuning(
        {
            "model": BASE,
            "corpus": {"stdlib": True},
            "max_train": max_train,
            "max_held_out": max_held_out,
            "min_pairs": min(200, max_train),
        },
        folder=Path.cwd(),
    )
    return finetune(config, open_record=no_record, report=lambda *_: None, stop=threading.Event())


def no_record() -> panic_tda.Record:
    """The corpus has no pairs from runs."""
    raise LookupError("no record is needed")


def compare(record: panic_tda.Record, experiment_id: str, embedders: tuple[str, str]) -> None:
    """What changed between the two embedders on the same trajectories: in sentences, run by run, output by output."""
    (answer,) = panic_tda.analyse(record, [experiment_id], only=["instruments"], embedders=embedders)
    print(answer.absence or "\n".join(finding.sentence for finding in answer.findings))
    for name in ("agreement", "runs", "outputs"):
        print(answer.tables.get(name))


def main() -> None:
    """Tunes, performs, compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=320, help="pairs to train on")
    parser.add_argument("--held-out", type=int, default=200, help="pairs to judge with")
    parser.add_argument("--functions", type=int, default=10, help="how many functions")
    parser.add_argument("--length", type=int, default=8, help="steps of each run")
    given = parser.parse_args()
    made = tuned(given.train, given.held_out)
    embedders = (BASE, f"{BASE}@{made.version}")
    print(f"{embedders[1]}: {made.status}")
    with panic_tda.open_record("instrument.sqlite") as record:
        config = experiment(given.functions, given.length) | {"embedding_models": list(embedders)}
        outcome = panic_tda.perform(record, panic_tda.load_config(config))
        compare(record, outcome.id, embedders)


if __name__ == "__main__":
    main()
