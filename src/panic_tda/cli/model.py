"""``panic-tda model``: the catalogue, fetching and adding weights, and measuring a model on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import gigabytes, memory, message, print_json, print_table

if TYPE_CHECKING:
    from panic_tda.models.model import ModelSpec
    from panic_tda.runtime.residency import Budget

app = typer.Typer(help="The models panic-tda knows.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a model.")]


@app.command("list")
def list_(
    context: typer.Context,
    task: Annotated[
        str | None, typer.Option(help="Only one kind, for instance 'text->image'.", show_default="all")
    ] = None,
    here: Annotated[bool, typer.Option("--here", help="Only models whose weights are on this machine.")] = False,
) -> None:
    """Every model, with what it takes and makes."""
    from panic_tda.models.catalogue import catalogue
    from panic_tda.models.fitting import weights_are_here
    from panic_tda.services.choice import signature_of

    wanted = signature_of(task) if task is not None else None
    specs = [
        spec
        for spec in catalogue().values()
        if wanted in (None, spec.signature) and (not here or weights_are_here(spec))
    ]
    if context.obj.json:
        print_json([_shape(spec) for spec in specs])
        return
    rows = [(s.name, s.signature, memory(s.memory_bytes, s.memory_source), s.tier, s.licence, s.summary) for s in specs]
    print_table(("name", "signature", "memory", "tier", "licence", "what"), rows, right=("memory",))


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """One model: parameters, weights, licence, version, source."""
    from panic_tda.models.catalogue import find
    from panic_tda.models.fetching import terms

    spec = find(name)
    if context.obj.json:
        print_json(_shape(spec))
        return
    print(f"{spec.reference}  {spec.signature}\n{spec.summary}\n")
    print(f"family    {spec.family}\nlicence   {spec.licence}\ntier      {spec.tier}\nsource    {spec.source}")
    print(f"memory    {memory(spec.memory_bytes, spec.memory_source)}\nbatch     {spec.batch_size}")
    print(f"computes  {_place(spec)}")
    if spec.dims:
        print(f"dims      {spec.dims}")
    for line in _weights_lines(spec):
        print(f"weights   {line}")
    if special := terms(spec):
        print(f"mind      {special}")
    for parameter in spec.parameters:
        print(f"  {parameter.name} = {parameter.default!r}: {parameter.description}")


def _place(spec: ModelSpec) -> str:
    if spec.endpoint is None:
        return f"in {spec.dtype} on {spec.device}"
    key = f"the key in {spec.endpoint.key_env}" if spec.endpoint.key_env else "no key"
    return f"at {spec.endpoint.url} as {spec.endpoint.model}, with {key}"


def _weights_lines(spec: ModelSpec) -> Iterator[str]:
    for file in _shape(spec)["weights"]:
        yield f"{file['requirement']}: {file['path']} ({'here' if file['present'] else 'not here'})"
    if spec.repository is not None:
        pinned = spec.repository.commit or spec.repository.revision
        commit = f" at {pinned[:12]}" if pinned else ", revision not pinned" if spec.repository.id else ""
        yield f"{spec.repository.id or 'a folder'}{commit} ({spec.repository.folder or 'not here'})"


@app.command()
def fit(
    context: typer.Context,
    name: Name,
    beside: Annotated[
        list[str] | None, typer.Option(help="A model that is in memory already; may be repeated.", show_default=False)
    ] = None,
) -> None:
    """Does a model fit the memory of this machine? Exit code 1 when it does not."""
    from panic_tda.cli.fit_lines import fit_lines
    from panic_tda.models.catalogue import find
    from panic_tda.models.fitting import fit as hold
    from panic_tda.runtime.residency import ExpectedResidents

    budget, spec = _budget(context.obj), find(name)
    found = hold(spec, budget.of(spec.device))
    residents = ExpectedResidents(budget)
    for other in beside or []:
        residents.use(find(other))
    leave = residents.use(spec)
    if context.obj.json:
        print_json({**found.to_json(), "beside": beside or [], "leave": leave})
    else:
        for line in fit_lines(found, beside or [], leave):
            print(line)
    if not found.fits:
        raise typer.Exit(1)


@app.command()
def explain(context: typer.Context, name: Name) -> None:
    """Where would a model run, and which rule of the settings says so?"""
    from panic_tda.models.catalogue import find
    from panic_tda.runtime.router import route

    settings = context.obj.settings()
    found = route(find(name), settings.executor, settings.rules)
    if context.obj.json:
        print_json({"model": name, "executor": found.executor, "why": found.why})
    else:
        print(f"{name} runs in {found.executor}: {found.why}")


@app.command()
def recommend(
    context: typer.Context,
    task: Annotated[str, typer.Option(help="What it should take and make, for instance 'text->image'.")],
) -> None:
    """The models for a task that fit this machine, those that run at once first, then the largest."""
    from panic_tda.cli.fit_lines import lacks
    from panic_tda.errors import RequestError
    from panic_tda.services.choice import recommend as find_models

    found = find_models(task, settings=context.obj.settings())
    if context.obj.json:
        print_json([each.to_json() for each in found])
        return
    if not found:
        raise RequestError(f"no model for {task} fits the memory budget", hint="see: panic-tda model list")
    rows = [
        (each.model, gigabytes(each.needed_bytes), each.memory_source, each.device, each.dtype, lacks(each))
        for each in found
    ]
    print_table(("name", "memory", "which is", "device", "numbers", "lacks"), rows, right=("memory",))


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name for the model; or a model of the catalogue, to say where it is.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="Folder of weights (safetensors), GGUF file, or address of a server.", show_default=False
        ),
    ] = None,
    family: Annotated[
        str,
        typer.Option(
            help="diffusion, captioner, causal_lm, torch_sentence, multimodal, onnx or remote.", show_default=False
        ),
    ] = "",
    pipeline: Annotated[str, typer.Option(help="Class of diffusers.", show_default="the one the folder names")] = "",
    option: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE for the family, for instance dims=256.", show_default=False)
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let Python code in the folder run, while it is unchanged.")
    ] = False,
) -> None:
    """Add a model from a folder, a file or an address, or say where one of the catalogue is and how it loads."""
    from panic_tda.cli.pairs import key_and_value
    from panic_tda.models.adding import add as put

    options = dict(key_and_value(text) for text in option or [])
    if pipeline:
        options["pipeline"] = pipeline
    spec = put(name, source, family, options, trust=trust)
    if context.obj.json:
        print_json(_shape(spec))
    else:
        place = spec.repository.folder if spec.repository else spec.source
        print(f"{spec.name}: {spec.signature}, {gigabytes(spec.memory_bytes)}, {place}")


@app.command("export-onnx")
def export_onnx(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of an embedder that torch computes.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    int8: Annotated[
        bool,
        typer.Option("--int8", help="In 8 bits: a quarter of the size, faster, less alike."),
    ] = False,
) -> None:
    """Export an embedder for onnxruntime, and compare its vectors with those of torch."""
    from panic_tda.models.catalogue import find
    from panic_tda.models.onnx.exporting import export

    report = (lambda _: None) if context.obj.quiet else message
    exported = export(find(name), out, int8=int8, report=report)
    if context.obj.json:
        print_json(asdict(exported))
        return
    size = f"{exported.bytes / 1e6:.1f} MB"
    print(f"{exported.folder}: {', '.join(exported.files)} ({size}); smallest cosine {exported.smallest_cosine:.7f}")
    print(f"run it: panic-tda model add NAME --from {exported.folder} --family onnx")


@app.command()
def download(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Names of models.")],
    again: Annotated[
        bool, typer.Option("--again", help="Also what is here: fetch the newest and pin that instead.")
    ] = False,
    trust: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Let Python code that comes with a model run, while it is unchanged."),
    ] = False,
) -> None:
    """Fetch the weights of models ahead of time, and pin them."""
    from panic_tda.models.catalogue import find
    from panic_tda.models.fetching import consent, fetch, terms
    from panic_tda.models.weights import download as fetch_file

    options: Context = context.obj
    report = (lambda _: None) if options.quiet else message
    specs = [find(name) for name in names]
    _check_online(options, specs, again)
    files = []
    for spec in specs:
        if special := terms(spec):
            report(special)
        paths = [fetch_file(weights, model=spec.name, report=report) for weights in spec.weights]
        if spec.repository is not None:
            paths.append(fetch(spec, report=report, again=again))
            if trust:
                consent(find(spec.name))
        files += [{"model": spec.name, "path": str(path)} for path in paths]
    if options.json:
        print_json(files)
    for name in names if not options.json else []:
        found = [file["path"] for file in files if file["model"] == name]
        print(f"{name}: {', '.join(found) or 'needs no download'}")


def _check_online(options: Context, specs: list[ModelSpec], again: bool) -> None:
    from panic_tda.errors import PrerequisiteError
    from panic_tda.models.fetching import is_offline
    from panic_tda.models.fitting import weights_are_here

    wanted = [spec for spec in specs if spec.weights or spec.repository]
    absent = sorted({spec.name for spec in wanted if again or not weights_are_here(spec)})
    offline = (
        "the settings say offline" if options.settings().offline else "HF_HUB_OFFLINE is set" if is_offline() else ""
    )
    if absent and offline:
        raise PrerequisiteError(
            f"{offline}, and these weights are not here: {', '.join(absent)}",
            hint=f"on a machine with a network: panic-tda model download {' '.join(absent)}",
        )


@app.command()
def measure(
    context: typer.Context,
    name: Name,
    accept: Annotated[bool, typer.Option("--accept", help="Accept outputs that look like rubbish.")] = False,
) -> None:
    """Find a model's memory, speed, batch size and determinism tier on this machine, and keep them."""
    from panic_tda.cli.measured import print_measured
    from panic_tda.errors import InsanePreview
    from panic_tda.lab.measuring.measure import measure as take
    from panic_tda.models.catalogue import find
    from panic_tda.runtime.executors import threads_of_a_model

    options: Context = context.obj
    spec = find(name)
    with options.record(create=True) as record:
        measured = take(
            record,
            spec,
            budget_bytes=_budget(options).of(spec.device),
            threads=threads_of_a_model(options.settings()),
            accept=accept,
            report=lambda sentence: options.say(f"{name}: {sentence}"),
        )
    if options.json:
        print_json(measured.to_json())
    else:
        print_measured(measured)
    if measured.verdict and measured.verdict.complaint and not spec.synthetic and not accept:
        if options.json:
            raise typer.Exit(1)
        raise InsanePreview(
            f"{name}: on trial inputs {measured.verdict.complaint}", hint="--accept if that is how it should be"
        )


def _budget(options: Context) -> Budget:
    from panic_tda.runtime.residency import Budget

    return Budget(options.settings().memory_budget_bytes)


def _shape(spec: ModelSpec) -> dict[str, Any]:
    from panic_tda.models.fitting import weights_are_here
    from panic_tda.models.weights import locate

    shape = asdict(spec)
    shape |= {"signature": str(spec.signature), "version": spec.version, "tier": spec.tier.value}
    shape["weights"] = [
        {**asdict(weights), "requirement": weights.requirement, "present": locate(weights) is not None}
        for weights in spec.weights
    ]
    shape["options"] = dict(spec.options)
    shape["here"] = weights_are_here(spec)
    del shape["loader"], shape["parts"]
    return shape
