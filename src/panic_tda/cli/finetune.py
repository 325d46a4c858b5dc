"""``panic-tda finetune``: tuning an embedder on a corpus of one's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import counted, duration, print_json, print_table

if TYPE_CHECKING:
    from panic_tda.lab.progress import Progress
    from panic_tda.training.config import TuningConfig
    from panic_tda.training.finetune import Tuned

app = typer.Typer(help="Tune an embedder on a corpus of your own.", no_args_is_help=True)


@app.command()
def pairs(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for train.jsonl, held_out.jsonl and dataset.json.")],
    code: Annotated[
        list[Path] | None, typer.Option(help="Folder of source code; may be repeated.", show_default=False)
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Only this language; may be repeated.", show_default="all")
    ] = None,
    stdlib: Annotated[bool, typer.Option("--stdlib", help="The standard library of Python.")] = False,
    experiment: Annotated[
        list[str] | None,
        typer.Option(help="Texts of this experiment's runs; may be repeated.", show_default=False),
    ] = None,
    apart: Annotated[int, typer.Option(min=1, help="How many texts of a run a pair spans.")] = 1,
    jsonl: Annotated[
        list[Path] | None, typer.Option(help="File of pairs, one JSON object a line.", show_default=False)
    ] = None,
    min_pairs: Annotated[int, typer.Option(min=1, help="With fewer pairs nothing is written.")] = 200,
    held_out: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the sources that is held out.")] = 0.2,
    max_train: Annotated[
        int | None, typer.Option(min=1, help="At most so many to train on.", show_default="all")
    ] = None,
    max_held_out: Annotated[
        int | None, typer.Option(min=10, help="At most so many held out.", show_default="all")
    ] = None,
) -> None:
    """Make a data set of pairs from code, runs or files: without duplicates, split by file or run."""
    from panic_tda.training.config import checked_selection
    from panic_tda.training.corpus import gather
    from panic_tda.training.dataset import write_dataset

    options: Context = context.obj
    corpus: dict[str, Any] = {
        "code": [str(path) for path in code or []],
        "stdlib": stdlib,
        "pairs": [str(path) for path in jsonl or []],
    }
    if language:
        corpus["languages"] = language
    if experiment:
        corpus["trajectories"] = {"experiments": experiment, "apart": apart}
    asked = {"min_pairs": min_pairs, "held_out": held_out, "max_train": max_train, "max_held_out": max_held_out}
    selection = checked_selection({"corpus": corpus, **asked}, folder=Path.cwd())
    dataset = gather(selection, options.record)
    write_dataset(dataset, out)
    shape = {"folder": str(out), **dataset.to_json()}
    if options.json:
        print_json(shape)
        return
    sources = shape["sources"]
    print(f"{counted(shape['train'], 'pair')} to train on, from {counted(sources['train'], 'source')}")
    print(f"{counted(shape['held_out'], 'pair')} held out, from {counted(sources['held_out'], 'source')}")
    for reason, number in shape["skipped"].items():
        print(f"  skipped   {number} {reason}")
    print(f"written to {out}, SHA-256 {shape['sha256'][:12]}…")


@app.command()
def run(
    context: typer.Context,
    config: Annotated[str, typer.Option(help="Tuning file (JSON, YAML or TOML), or '-' for stdin.", metavar="FILE")],
) -> None:
    """Train on the corpus, measure, and promote what passes the gate; exit code 1 for what does not.

    Nothing is done when corpus, parameters and base are those of a version that is there: run it as often as you like.
    """
    from panic_tda.cli.interrupts import graceful
    from panic_tda.cli.progress import shown_progress
    from panic_tda.training.finetune import finetune, threads_of_a_training

    options: Context = context.obj
    tuning = _read(config)
    threads = threads_of_a_training(options.settings())
    with graceful(quiet=options.quiet) as stop, shown_progress(quiet=options.quiet) as show:
        tuned = finetune(tuning, open_record=options.record, report=_reporting(show), stop=stop, threads=threads)
    if options.json:
        print_json(tuned.to_json())
    else:
        _print(tuned, options)
    if tuned.status in ("rejected", "interrupted"):
        raise typer.Exit(1 if tuned.status == "rejected" else 130)


def _read(source: str) -> TuningConfig:
    from panic_tda.lab.experiment_file import folder_of, read_experiment_file
    from panic_tda.training.config import validate_tuning

    return validate_tuning(read_experiment_file(source), folder=folder_of(source).absolute())


def _reporting(show: Callable[[Progress], None]) -> Callable[[str, int, int], None]:
    from panic_tda.lab.progress import Progress

    return lambda stage, done, total: show(Progress(stage, done, total))


def _print(tuned: Tuned, options: Context) -> None:
    if tuned.version is None:
        print(f"{tuned.model}: interrupted after {duration(tuned.seconds)}; the same command goes on from there")
        return
    name = f"{tuned.model}@{tuned.version}"
    if tuned.status == "unchanged":
        print(f"{name} was made from the same pairs and parameters: nothing to do")
        return
    _print_metrics(tuned.manifest["metrics"])
    print(f"{name} {tuned.status} in {duration(tuned.seconds)}; champion: {tuned.model}@{tuned.champion}")
    for objection in tuned.manifest["verdict"]["objections"]:
        print(f"  because   {objection}")


def _print_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> None:
    names = [name for name, value in metrics["base"].items() if isinstance(value, dict)]
    rows = [(name, *(_with_interval(metrics[who][name]) for who in metrics)) for name in names]
    rows.append(("general ndcg@10", *(f"{metrics[who]['general_ndcg@10']:.3f}" for who in metrics)))
    rows.append(("directions", *(f"{metrics[who]['effective_rank']:.1f}" for who in metrics)))
    print_table(("measure", *metrics), rows)


def _with_interval(value: Mapping[str, float]) -> str:
    return f"{value['estimate']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


@app.command()
def schedule(
    context: typer.Context,
    config: Annotated[Path, typer.Option(help="Tuning file.")],
    at: Annotated[str, typer.Option(help="Time of day, HH:MM.")] = "02:00",
) -> None:
    """Print a cron line, and a systemd service with its timer, that run a tuning file every night."""
    from panic_tda.training.schedule import nightly

    options: Context = context.obj
    _read(str(config))
    words = [sys.executable, "-m", "panic_tda", "--quiet"]
    for option, value in (("--db", options.db), ("--config", options.config)):
        words += [option, str(value)] if value else []
    found = nightly([*words, "finetune", "run", "--config", str(config.absolute())], Path.cwd(), at)
    if options.json:
        print_json(found._asdict())
        return
    print(f"# crontab -e\n{found.cron}\n")
    print(f"# ~/.config/systemd/user/panic-tda-finetune.service\n{found.service}")
    print(f"# ~/.config/systemd/user/panic-tda-finetune.timer\n{found.timer}")
    print("# systemctl --user enable --now panic-tda-finetune.timer")
