"""``panic-tda verify``: does executing again give what is recorded?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import counted, print_json


def verify(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="Experiment: id, unambiguous prefix, or `latest`.")],
    sample: Annotated[int, typer.Option(min=0, help="How many invocations, drawn at random; 0 for all.")] = 100,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the drawing.", show_default="drawn")] = None,
) -> None:
    """Executes invocations again with their recorded inputs and seeds; exit code 1 when an output differs."""
    import numpy as np

    from panic_tda.cli.interrupts import graceful
    from panic_tda.cli.progress import shown_progress
    from panic_tda.lab.laboratory import open_bench
    from panic_tda.lab.verify import verify as execute_again

    options: Context = context.obj
    with (
        options.record() as record,
        graceful(quiet=options.quiet) as stop,
        shown_progress(quiet=options.quiet) as progress,
        open_bench(record, options.settings(), progress=progress, stop=stop) as bench,
    ):
        found = execute_again(bench, id, sample=sample or None, rng=np.random.default_rng(seed))
    for reason, number in found.unverifiable.items():
        options.say(f"{counted(number, 'invocation')} not checked: {reason}")
    if options.json:
        print_json(asdict(found))
    else:
        print(f"{found.matched} of {counted(found.checked, 'invocation')} gave what is recorded")
        for each in found.mismatched:
            what = each.fault or f"output {each.found}, recorded is {each.recorded}"
            print(f"step {each.sequence_number} of run {each.run_id} ({each.model}): {what}")
    if stop.is_set():
        raise typer.Exit(130)
    if found.mismatched:
        raise typer.Exit(1)
