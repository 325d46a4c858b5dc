"""``panic-tda generate``: ask a model for a text or an image."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from panic_tda.cli.context import Context
from panic_tda.cli.output import print_json

if TYPE_CHECKING:
    from panic_tda.content import Image
    from panic_tda.services.language import Generation
    from panic_tda.services.text_stream import Completion


def generate(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="What to ask; '-' is stdin.")],
    model: Annotated[str, typer.Option(help="Name of a model that takes text.")] = "SmolLM2",
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer while it is written.")] = False,
    system: Annotated[str, typer.Option(help="What the model is told to be.", show_default=False)] = "",
    raw: Annotated[
        bool, typer.Option("--raw", help="Continue the text as it stands, without a chat template.")
    ] = False,
    temperature: Annotated[
        float | None, typer.Option(help="Randomness; 0 is greedy.", metavar="NUMBER", show_default="0.8")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Share of probability that is drawn from.", show_default="0.95")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Likeliest tokens drawn from; 0: all.", show_default="40")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.", show_default="256")] = None,
    stop: Annotated[
        list[str] | None, typer.Option(help="The answer ends before this text; may be repeated.", show_default=False)
    ] = None,
    n: Annotated[int, typer.Option("--n", help="Answers, with this seed and those after it.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Repeats an answer.", show_default="drawn")] = None,
    schema: Annotated[str | None, typer.Option(help="File: a JSON schema of the answer.", show_default=False)] = None,
    regex: Annotated[str | None, typer.Option(help="Pattern of the whole answer.", show_default=False)] = None,
    choices: Annotated[str | None, typer.Option(help="Possible answers: A,B,C.", show_default=False)] = None,
    grammar: Annotated[str | None, typer.Option(help="File: a grammar (GBNF or Lark).", show_default=False)] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE: a parameter of an image model.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Image file, for a model that makes images.", show_default=False)
    ] = None,
) -> None:
    """Ask a model: a language model answers, a model that makes images draws."""
    from panic_tda.services.language import generate as ask

    options: Context = context.obj
    wishes = {
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "max_tokens": max_tokens,
        "stop": stop or None,
        **_constraint(schema, regex, choices, grammar),
    }
    asked: dict[str, Any] = {name: value for name, value in wishes.items() if value is not None}
    asked |= {"system": system, "raw": raw, "seed": seed, "settings": options.settings()}
    text = _text(prompt)
    _check_model(model, out, stream and (n != 1 or options.json))
    if stream:
        _print_as_it_comes(text, model, asked)
        return
    made = ask(text, model, n=n, parameters=_parameters(option), **asked)
    files = [_save(each, out, len(made.completions)) for each in made.completions]
    if options.json:
        print_json(_shape(made, files))
    else:
        for each, file in zip(made.completions, files, strict=True):
            print(file or getattr(each.output, "value", ""))


def _constraint(
    schema: str | None, regex: str | None, choices: str | None, grammar: str | None
) -> dict[str, str | list[str] | None]:
    from panic_tda.services.text_files import read_text

    return {
        "schema": read_text(schema) if schema is not None else None,
        "regex": regex,
        "choices": [each.strip() for each in choices.split(",")] if choices is not None else None,
        "grammar": read_text(grammar) if grammar is not None else None,
    }


def _text(prompt: str) -> str:
    from panic_tda.services.text_files import read_text

    return read_text("-").removesuffix("\n") if prompt == "-" else prompt


def _parameters(given: list[str] | None) -> dict[str, Any] | None:
    from panic_tda.cli.pairs import key_and_value

    return dict(key_and_value(text) for text in given) if given else None


def _check_model(model: str, out: Path | None, cannot_stream: bool) -> None:
    from panic_tda.errors import RequestError
    from panic_tda.models.catalogue import find
    from panic_tda.signature import Kind

    draws = find(model).signature.output is Kind.IMAGE
    if draws != (out is not None):
        raise RequestError(f"{model} makes images: say --out FILE" if draws else f"{model} makes no image for --out")
    if out is not None and out.suffix.lower() not in (".png", ".webp"):
        raise RequestError(f"--out {out}: images are written to .png or .webp files")
    if cannot_stream:
        raise RequestError("--stream prints one answer as plain text: it excludes --n and --json")


def _print_as_it_comes(prompt: str, model: str, asked: dict[str, Any]) -> None:
    from panic_tda.services.language import stream

    with stream(prompt, model, **asked) as pieces:
        for piece in pieces:
            print(piece, end="", flush=True)
    print()


def _save(made: Completion, out: Path | None, count: int) -> str:
    """Writes the image, if there is a place for it; of several, each with its seed in its name."""
    if out is None:
        return ""
    from panic_tda.figures.whole_file import written_whole

    path = out if count == 1 else out.with_stem(f"{out.stem}-{made.seed}")
    image: Image = made.output  # type: ignore[assignment]
    with written_whole(path) as aside:
        image.to_pillow().save(aside, lossless=True)  # PNG always is, and does not mind
    return str(path)


def _shape(made: Generation, files: list[str]) -> dict[str, Any]:
    return {
        "model": made.model,
        "outputs": [_output(each, file) for each, file in zip(made.completions, files, strict=True)],
        "timings": asdict(made.timings),
        "synthetic": made.synthetic,
    }


def _output(made: Completion, file: str) -> dict[str, Any]:
    content = (
        {"image": file, "image_sha256": made.output.sha256} if file else {"text": getattr(made.output, "value", "")}
    )
    return {**content, "seed": made.seed, "finish_reason": made.finish_reason, "usage": asdict(made.usage)}
