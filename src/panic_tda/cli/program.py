"""``panic-tda program``: create, run, list, show and delete programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json, print_table

if TYPE_CHECKING:
    from panic_tda.models.model import ModelSpec
    from panic_tda.programs.fields import Field, Value
    from panic_tda.programs.signature import ProgramSignature

app = typer.Typer(help="Programs: stored data that runs like a model.", no_args_is_help=True)

_PICTURES = (".png", ".webp", ".jpg", ".jpeg")

Name = Annotated[str, typer.Argument(help="Name of a program.")]
Strategy = Annotated[
    str | None, typer.Option(help="direct, template, predict, chain_of_thought or pipeline.", show_default=False)
]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name for the program.")],
    signature: Annotated[
        str | None, typer.Option(help="Inputs and outputs, for instance 'text, style -> summary'.", show_default=False)
    ] = None,
    strategy: Strategy = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Model; of a pipeline, once for each step, a model or a program.", show_default=False),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE of the strategy, the model or a further input.", show_default=False),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="JSON, YAML or TOML: a program as 'show --json' prints it, or one that DSPy saved."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of a program of that name.")] = False,
) -> None:
    """Check a program and store it."""
    from panic_tda.lab.programs import Programs
    from panic_tda.programs.definition import Definition

    given = {"signature": signature, "strategy": strategy, "model": model}
    parts: dict[str, Any] = _read(source) if source else {}
    parts |= {key: value for key, value in given.items() if value is not None}
    parts["parameters"] = {**(parts.get("parameters") or {}), **dict(_pair("--param", text) for text in param or [])}
    definition = Definition.from_json(parts)
    options: Context = context.obj
    with options.record(create=True) as record, Programs(record) as programs:
        spec = programs.create(name, definition, replace=replace)
        shape = _shape(spec, programs.get(name).to_json())
    if options.json:
        print_json(shape)
    else:
        print(f"{spec.name}: {spec.summary}")


@app.command()
def run(
    context: typer.Context,
    name: Name,
    value: Annotated[
        str | None, typer.Argument(help="The first input: a text, or the path of an image.", show_default=False)
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="NAME=VALUE; once for each input.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same outputs.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Where to write an output that is an image.")] = None,
) -> None:
    """Run a program once."""
    from panic_tda.cli.output import message
    from panic_tda.lab.programs import Programs
    from panic_tda.programs.types import signature_of

    options: Context = context.obj
    with options.record() as record, Programs(record, settings=options.settings()) as programs:
        signature = signature_of(programs.entry(name))
        given = dict(_halves("--input", text) for text in inputs or [])
        if value is not None:
            given = {signature.inputs[0].name: value, **given}
        _check_out(signature, out)
        made = programs.run_on(name, _values(signature, given), seed=seed)
    outputs = {key: _told(each, out) for key, each in made.outputs.items()}
    if options.json:
        print_json({"program": name, "model": made.model, "outputs": outputs, "seed": seed, "seconds": made.seconds})
        return
    if options.verbose:
        message(f"{made.model}, seed {seed}, {made.seconds:.2f} s")
    if len(outputs) == 1:
        print(next(iter(outputs.values())))
        return
    for key, each in outputs.items():
        print(f"{key}: {each}")


@app.command("list")
def list_(context: typer.Context) -> None:
    """Every program."""
    from panic_tda.lab.programs import Programs

    options: Context = context.obj
    with options.record_to_consult() as record, Programs(record) as programs:
        found = programs.list()
    if options.json:
        print_json([program.to_json() for program in found])
        return
    rows = [(p.name, p.definition.signature, p.definition.strategy, p.definition.model) for p in found]
    print_table(("name", "signature", "strategy", "model"), rows)


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """One program: its definition, and its version as a model."""
    from panic_tda.lab.programs import Programs

    options: Context = context.obj
    with options.record() as record, Programs(record) as programs:
        shape = _shape(programs.entry(name), programs.get(name).to_json())
    if options.json:
        print_json(shape)
        return
    print(f"{shape['model_name']}  {shape['signature']}\n")
    for key in ("strategy", "model", "version", "created_at"):
        print(f"{key:10}  {shape[key]}")
    for key, value in shape["parameters"].items():
        print(f"  {key} = {json.dumps(value, ensure_ascii=False)}")


@app.command()
def delete(context: typer.Context, name: Name) -> None:
    """Delete a program; experiments that were begun with it keep its definition."""
    from panic_tda.lab.programs import Programs

    options: Context = context.obj
    with options.record() as record, Programs(record) as programs:
        programs.delete(name)
    if options.json:
        print_json({"deleted": name})
    else:
        print(f"deleted program {name}")


def _shape(spec: ModelSpec, stored: Mapping[str, Any]) -> dict[str, Any]:
    return {**stored, "model_name": spec.name, "version": spec.version}


def _read(path: Path) -> dict[str, Any]:
    """A definition from a file; of what DSPy saved, instructions and demos."""
    from panic_tda.lab.experiment_file import read_mapping
    from panic_tda.programs.dspy_bridge.modules import parameters_from_state

    content = read_mapping(path, "a program")
    learnt = parameters_from_state(content)
    return content if learnt is None else {"parameters": learnt}


def _pair(option: str, text: str) -> tuple[str, Any]:
    name, value = _halves(option, text)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _halves(option: str, text: str) -> tuple[str, str]:
    from panic_tda.errors import RequestError

    name, equals, value = text.partition("=")
    if not (name and equals):
        raise RequestError(f"{option} {text!r} is not NAME=VALUE")
    return name, value


def _values(signature: ProgramSignature, given: Mapping[str, str]) -> dict[str, Value]:
    """Typed by the signature; what it does not know is left for it to refuse."""
    fields = {field.name: field for field in signature.inputs}
    return {name: _value(fields[name], text) if name in fields else text for name, text in given.items()}


def _value(field: Field, text: str) -> Value:
    from panic_tda.errors import SignatureError
    from panic_tda.lab.validation import read_image

    if field.type == "Image":
        return read_image(Path(text))
    try:
        return field.read(text)
    except ValueError as fault:
        raise SignatureError(str(fault)) from None


def _check_out(signature: ProgramSignature, out: Path | None) -> None:
    from panic_tda.errors import RequestError
    from panic_tda.signature import Kind

    if signature.kinds.output is Kind.IMAGE and (out is None or out.suffix.lower() not in _PICTURES):
        raise RequestError("the program makes an image", hint="say where to write it: --out FILE.png")


def _told(value: Value, out: Path | None) -> Any:
    """The value, or the path of the file that holds it."""
    from panic_tda.content import Image
    from panic_tda.errors import naming_the_file

    if not isinstance(value, Image):
        return value
    with naming_the_file(out):
        value.to_pillow().save(str(out))
    return str(out)
