"""How long every analysis takes, and how much memory, on 360 runs x 200 steps with planted regimes.

    python benchmarks/analyses.py [--seeds 20] [--length 200] [--out DIR] [--db RECORD]

Prints one table, with the sentences found; ``--db`` takes an experiment of yours (the latest of that record) instead.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from panic_tda.answers.answering import answers
from panic_tda.answers.catalogue import analyses
from panic_tda.answers.evidence import gather
from panic_tda.figures.answered import Answered
from panic_tda.figures.answers import drawings
from panic_tda.figures.exhibition import write_report
from panic_tda.figures.folder import write_answer, write_findings
from panic_tda.lab.laboratory import load_config, perform
from panic_tda.store.database import Record, open_record
from panic_tda.store.experiments import experiment_ids
from truths import planted


def planted_experiment(record: Record, *, seeds: int, length: int) -> str:
    """Performs 3 networks x 6 prompts x ``seeds`` runs of ``length`` steps; returns the experiment's id."""
    planted.plant()
    config = {
        "networks": [["Settling"], ["Hopping"], ["Wandering"]],
        "prompts": [f"basin {number}" for number in range(planted.BASINS)],
        "seeds": list(range(seeds)),
        "embedding_models": ["Places"],
        "max_length": length,
    }
    outcome = perform(record, load_config(config), accept=True)
    if outcome.status != "completed":
        raise SystemExit(f"the planted experiment {outcome.status}: {outcome}")
    return outcome.id


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--db", help="a record whose latest experiment is analysed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_record(arguments.db or f"{folder}/planted.sqlite") as record:
        if arguments.db is None:
            planted_experiment(record, seeds=arguments.seeds, length=arguments.length)
        with record.reading() as connection:
            keys = experiment_ids(connection, ["latest"])
        _measure(record, keys, arguments.out or Path(folder) / "analysis")
    return 0


def _measure(record: Record, keys: list[str], out: Path) -> None:
    began = time.perf_counter()
    evidence = gather(record, keys)
    _row("load", time.perf_counter() - began, head=True)
    told = []
    for name in analyses():
        started = time.perf_counter()
        (answer,) = answers(evidence, only=[name])
        answered = time.perf_counter()
        told.append(Answered(answer, drawings(answer)))
        write_answer(answer, told[-1].drawings, out)
        _row(name, answered - started, time.perf_counter() - answered)
    found = [each.answer for each in told]
    write_findings(found, out)
    started = time.perf_counter()
    write_report(record, keys, out / "report.html", title="Planted regimes", answers=told)
    _row("report", time.perf_counter() - started)
    _row("all", time.perf_counter() - began)
    for answer in found:
        print(f"\n{answer.question} ({answer.analysis}) {answer.absence or ''}")
        for finding in answer.findings:
            print("-", finding.sentence, "; ".join(finding.cautions))


def _row(name: str, seconds: float, drawing: float | None = None, *, head: bool = False) -> None:
    if head:
        print("| analysis | seconds | of drawing and writing | peak MB so far |\n|---|---|---|---|")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"| {name} | {seconds:.1f} | {'–' if drawing is None else f'{drawing:.1f}'} | {peak:,.0f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
