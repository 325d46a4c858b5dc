"""``panic-tda experiment``: perform, validate, resume, extend, list, show and delete experiments."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.aliases import resolved_embedders
from panic_tda.cli.context import Context
from panic_tda.cli.output import counted, duration, memory, message, print_json, print_table, rate

if TYPE_CHECKING:
    from panic_tda.lab.config import ExperimentConfig
    from panic_tda.lab.perform import Outcome
    from panic_tda.lab.workbench import Workbench
    from panic_tda.programs.definition import Definition
    from panic_tda.runtime.metrics import Snapshot

app = typer.Typer(help="Perform, watch, extend and delete experiments.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Id, unambiguous prefix, or 'latest'.")]
Ids = Annotated[list[str], typer.Argument(help="Ids, unambiguous prefixes, or 'latest'.")]
Configs = Annotated[list[str], typer.Argument(help="Experiment files (JSON, YAML, TOML); '-' is stdin.")]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Inputs for each model call.", show_default="each model's own")
]
ExecutorName = Annotated[
    str | None, typer.Option(help="Where models run: inprocess, process, ray or remote.", show_default="inprocess")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Workers of the executors process and ray.", show_default="half of the cores")
]
Share = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="Stop when more than this share of runs failed.", show_default=False),
]

Accept = Annotated[bool, typer.Option("--accept", help="Go on although trial outputs look like rubbish.")]


@app.command()
def perform(
    context: typer.Context,
    config: Configs,
    batch_size: BatchSize = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    fail_on_error: Share = None,
    accept: Accept = False,
) -> None:
    """Create experiments and perform them; several share the batches of the models they have in common."""
    from panic_tda.lab.laboratory import read_config
    from panic_tda.lab.perform import create_together

    experiments = [read_config(source, partial(_stored_programs, context.obj)) for source in config]

    def begin(bench: Workbench) -> list[str]:
        return create_together(bench, experiments, accept=accept)

    flags = {"batch_size": batch_size, "executor": executor, "workers": workers}
    _work(context.obj, begin, flags, fail_on_error=fail_on_error, create=True)


@app.command()
def resume(
    context: typer.Context,
    id: Ids,
    batch_size: BatchSize = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    fail_on_error: Share = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed runs again.")] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Others that seem to perform it are dead: do not wait for them.")
    ] = False,
) -> None:
    """Do what is missing of experiments."""
    from panic_tda.store.experiments import experiment_ids

    def begin(bench: Workbench) -> list[str]:
        with bench.record.reading() as connection:
            return experiment_ids(connection, id)

    flags = {"batch_size": batch_size, "executor": executor, "workers": workers}
    _work(context.obj, begin, flags, fail_on_error=fail_on_error, retry_failed=retry_failed, take_over=take_over)


@app.command()
def extend(
    context: typer.Context,
    id: Id,
    max_length: Annotated[int | None, typer.Option(min=1, help="New length of every run.", show_default=False)] = None,
    prompt: Annotated[list[str] | None, typer.Option(help="Another prompt; may be repeated.")] = None,
    seed: Annotated[list[int] | None, typer.Option(min=-1, help="Another seed; may be repeated.")] = None,
    embedder: Annotated[
        list[str] | None, typer.Option(help="Another embedder, or a version of one; may be repeated.")
    ] = None,
    batch_size: BatchSize = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    fail_on_error: Share = None,
    accept: Accept = False,
) -> None:
    """Add steps, prompts, seeds or embedders to an experiment and perform them."""
    from panic_tda.lab import perform as performing

    options: Context = context.obj
    prompts, seeds = prompt or [], seed or []
    embedders = resolved_embedders(options, embedder or [])

    def begin(bench: Workbench) -> list[str]:
        key, experiment = performing.load(bench.record, id)
        there = _already_there(experiment.config, max_length, prompts, seeds, embedders)
        performing.extend(
            bench, key, max_length=max_length, prompts=prompts, seeds=seeds, embedders=embedders, accept=accept
        )
        if there:
            options.say(f"experiment {key} already has {', '.join(there)}")
        return [key]

    flags = {"batch_size": batch_size, "executor": executor, "workers": workers}
    _work(options, begin, flags, fail_on_error=fail_on_error)


def _stored_programs(options: Context) -> Mapping[str, Definition]:
    from panic_tda.lab.laboratory import programs_of

    with options.record_to_consult() as record:
        return programs_of(record)


def _already_there(
    config: ExperimentConfig,
    max_length: int | None,
    prompts: Sequence[str],
    seeds: Sequence[int],
    embedders: Sequence[str],
) -> list[str]:
    """What is to be added to an experiment and changes nothing, since it is there."""
    from panic_tda.answers.words import shorten

    there = [f"max_length {max_length}"] if max_length == config.max_length else []
    there += [f"the prompt “{shorten(prompt, 40)}”" for prompt in prompts if prompt in config.prompts]
    there += [f"seed {seed}" for seed in seeds if seed in config.seeds]
    return there + [f"the embedder {name}" for name in embedders if name in config.embedding_models]


def _work(
    options: Context,
    begin: Callable[[Workbench], list[str]],
    flags: dict[str, Any],
    *,
    fail_on_error: float | None = None,
    retry_failed: bool = False,
    take_over: bool = False,
    create: bool = False,
) -> None:
    from panic_tda.cli.interrupts import graceful
    from panic_tda.cli.progress import shown_progress
    from panic_tda.lab import perform as performing
    from panic_tda.lab.laboratory import open_bench

    with (
        options.record(create=create) as record,
        graceful(quiet=options.quiet) as stop,
        shown_progress(quiet=options.quiet) as progress,
        open_bench(
            record,
            options.settings(**flags),
            progress=progress,
            warn=options.say,
            stop=stop,
            fail_on_error=fail_on_error,
        ) as bench,
    ):
        keys = begin(bench)
        for key in keys:
            if options.json:
                options.say(f"experiment {key}")
            else:
                print(f"experiment {key}", flush=True)
        outcomes = performing.perform(bench, keys, retry_failed=retry_failed, take_over=take_over)
        if options.verbose:
            _tell_metrics(bench.executor.snapshot())
    _report(options, outcomes)


def _tell_metrics(snapshot: Snapshot) -> None:
    """What the executor did, on stderr."""
    from panic_tda.runtime.metrics import COLUMNS, rows

    print_table(COLUMNS, rows(snapshot), right=tuple(set(COLUMNS) - {"model", "faults"}), file=sys.stderr)
    message(f"{counted(snapshot.workers, 'worker')}, {counted(snapshot.restarts, 'restart')}")


_UNFINISHED = {"interrupted", "running"}
"""Running: this process was stopped, others go on."""


def _report(options: Context, outcomes: Sequence[Outcome]) -> None:
    if options.json:
        shapes = [asdict(outcome) for outcome in outcomes]
        print_json(shapes[0] if len(shapes) == 1 else shapes)
    for outcome in outcomes:
        if not options.json:
            print(_sentence(outcome))
        if outcome.status in _UNFINISHED:
            options.say(f"go on with: {options.program} experiment resume {outcome.id}")
        if outcome.failures:
            options.say(f"{counted(outcome.failures, 'failure')}: {options.program} experiment show {outcome.id}")
    statuses = {outcome.status for outcome in outcomes}
    if statuses & _UNFINISHED:
        raise typer.Exit(130)
    if "failed" in statuses:
        raise typer.Exit(1)


def _sentence(outcome: Outcome) -> str:
    return (
        f"{outcome.status}: {counted(outcome.runs, 'run')}, {counted(outcome.invocations, 'invocation')}, "
        f"{counted(outcome.embeddings, 'embedding')}, "
        f"{counted(outcome.persistence_diagrams, 'persistence diagram')} in {duration(outcome.seconds)}"
    )


@app.command()
def validate(context: typer.Context, config: Annotated[str, typer.Argument(help="Experiment file, or '-'.")]) -> None:
    """Say what an experiment would do: runs, invocations, models with their memory, estimated time."""
    from panic_tda.lab.forecast import forecast
    from panic_tda.lab.laboratory import open_bench, read_config

    options: Context = context.obj
    experiment = read_config(config, partial(_stored_programs, options))
    with options.record_to_consult() as record, open_bench(record, options.settings()) as bench:
        result = forecast(bench, experiment)
    if options.json:
        print_json(asdict(result) | {"feasible": result.feasible})
    else:
        print(
            f"{counted(result.runs, 'run')}, at most {counted(result.invocations, 'invocation')}, "
            f"{_estimate(result.estimated_seconds)}"
        )
        rows = [
            (
                m["name"],
                m["signature"],
                memory(m["memory_bytes"], m["memory_source"]),
                m["calls"],
                m["batch_size"],
                _fits(m),
            )
            for m in result.models
        ]
        print_table(
            ("model", "signature", "memory", "calls at most", "batch", "fits"),
            rows,
            right=("memory", "calls at most", "batch"),
        )
        for model in result.models:
            for problem in model["problems"]:
                message(f"problem: {problem}")
        for warning in result.warnings:
            options.say(f"warning: {warning}")
    if not result.feasible:
        raise typer.Exit(1)


def _fits(model: dict[str, Any]) -> str:
    return "no" if model["problems"] else "yes"


def _estimate(seconds: float | None) -> str:
    return "time unknown until a model has run once" if seconds is None else f"about {duration(seconds)}"


@app.command("list")
def list_(context: typer.Context) -> None:
    """Every experiment, newest first."""
    from panic_tda.store.experiments import list_experiments

    options: Context = context.obj
    with options.record() as record, record.reading() as connection:
        rows = list_experiments(connection)
    if options.json:
        print_json(rows)
        return
    print_table(
        ("id", "status", "created", "networks", "prompts", "runs", "invocations"),
        [
            (
                r["id"],
                r["status"],
                r["created_at"][:19],
                len(r["networks"]),
                len(r["prompts"]),
                r["runs"],
                r["invocations"],
            )
            for r in rows
        ],
        right=("networks", "prompts", "runs", "invocations"),
    )


@app.command()
def show(context: typer.Context, id: Id) -> None:
    """How far an experiment is: stages, stop reasons, failures, rates, time left."""
    from panic_tda.lab.status import experiment_status

    options: Context = context.obj
    with options.record() as record, record.reading() as connection:
        status = experiment_status(connection, id)
    if options.json:
        print_json(status)
        return
    twins = f" ({status['twins']} of them twins)" if status["twins"] else ""
    print(
        f"experiment {status['id']}: {status['status']}, {status['runs']} runs{twins}, "
        f"created {status['created_at'][:19]}"
    )
    for stage, count in status["stages"].items():
        if count["total"]:
            print(f"  {stage:9} {count['done']}/{count['total']} ({100 * count['done'] // count['total']} %)")
    stopped = ", ".join(f"{number} by {reason}" for reason, number in status["stop_reasons"].items() if number)
    print(f"  stopped   {stopped or 'none yet'}")
    for model, per_second in sorted(status["rates"].items()):
        print(f"  {model:14} {rate(per_second)}")
    if status["status"] != "completed":
        print(f"  time left {duration(status['seconds_left'])}")
    for each in status["retries"]:
        print(f"  repeated  {each['stage']}, {each['model']}: {counted(each['count'], 'call')} after {each['error']}")
    _print_failures(status["failures"], everything=options.verbose)


def _print_failures(failures: Sequence[dict[str, Any]], *, everything: bool) -> None:
    shown = failures if everything else failures[:10]
    for failure in shown:
        place = f"run {failure['run_id']} step {failure['sequence_number']}" if failure["run_id"] else "an output"
        print(f"  failed    {failure['stage']}, {place}: {failure['error']}: {failure['message']}")
    if len(shown) < len(failures):
        print(f"  and {len(failures) - len(shown)} more failures (--verbose lists all)")


@app.command()
def delete(
    context: typer.Context,
    id: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete an experiment, its runs, and the outputs no other experiment uses."""
    from panic_tda.errors import RequestError
    from panic_tda.store.experiments import delete_experiment, find_experiment
    from panic_tda.store.performers import refuse_if_busy
    from panic_tda.store.progress import count_runs, generate_count

    options: Context = context.obj
    with options.record() as record:
        with record.reading() as connection:
            row = find_experiment(connection, id)
            key = row.id
            refuse_if_busy(connection, row)
            runs, invocations = count_runs(connection, key), generate_count(connection, key).done
        if not yes:
            if not sys.stdin.isatty() or options.json:
                raise RequestError(f"deleting experiment {key} needs --yes when nobody can be asked")
            typer.confirm(f"Delete experiment {key} with {runs} runs and {invocations} invocations?", abort=True)
        with record.writing() as connection:
            delete_experiment(connection, key)
    if options.json:
        print_json({"deleted": key, "runs": runs, "invocations": invocations})
    else:
        print(f"deleted experiment {key}: {runs} runs, {invocations} invocations")
