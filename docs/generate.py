"""Writes the generated parts of the documentation anew, or says which are out of date.

    python docs/generate.py [--check]

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->``; everything else in the
pages is written by hand. ``--check`` changes nothing and exits with 1 when a part is out of date.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
import textwrap
import tomllib
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any

import sqlalchemy as sa
import typer

import panic_tda
from panic_tda import errors
from panic_tda.answers.catalogue import analyses
from panic_tda.cli.app import app
from panic_tda.lab.config import config_schema
from panic_tda.models.catalogue import published
from panic_tda.models.model import Parameter
from panic_tda.models.remote import parameters_of
from panic_tda.models.remote.options import TASKS, options_of
from panic_tda.settings import ENVIRONMENT_PREFIX, Settings
from panic_tda.store.tables import metadata
from panic_tda.store.types import Digest, FloatVector, Identifier, UtcTimestamp

FOLDER = Path(__file__).parent
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- end of \2 -->)", re.DOTALL)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _code(value: object) -> str:
    return f"`{value}`"


def _sentence(docstring: str | None) -> str:
    """The first paragraph, with one backtick where reStructuredText has two."""
    paragraph = inspect.cleandoc(docstring or "").split("\n\n")[0].replace("``", "`")
    return " ".join(re.sub(r":(func|class|meth):", "", paragraph).split())


def commands() -> str:
    """Every command with its arguments and options, from the application itself."""
    root = typer.main.get_command(app)
    return "\n".join(_commands(root, "panic-tda"))


def _commands(command: Any, path: str) -> Iterator[str]:
    inside = getattr(command, "commands", {})
    heading = "##" if inside else "###"
    yield f"{heading} `{path}`\n"
    yield f"{_sentence(command.help)}\n"
    parameters = [parameter for parameter in command.params if parameter.name != "help"]
    if not inside:
        arguments = [_argument(each) for each in parameters if each.param_type_name == "argument"]
        required = [_spelling(each, command) for each in parameters if _is_option(each) and each.required]
        yield f"```text\n{' '.join([path, *arguments, *required, '[OPTIONS]'])}\n```\n"
    if parameters:
        rows = [(_code(_spelling(each, command)), _default(each), each.help or "") for each in parameters]
        yield table(("argument or option", "default", "meaning"), rows)
    for name, each in inside.items():
        yield from _commands(each, f"{path} {name}")


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _argument(parameter: Any) -> str:
    return str(parameter.name).upper() + ("..." if parameter.nargs == -1 else "")


def _spelling(parameter: Any, command: Any) -> str:
    """``--batch-size N``, ``--yes`` or ``CONFIG...``."""
    if not _is_option(parameter):
        return _argument(parameter)
    hints = typing.get_type_hints(inspect.unwrap(command.callback))
    kinds = [kind for kind in typing.get_args(hints.get(parameter.name)) if kind is not NoneType]
    kind = hints.get(parameter.name, bool) if not kinds else kinds[0]
    word = parameter.metavar or {int: "N", float: "SHARE", str: "TEXT", Path: "PATH"}.get(kind, "")
    return f"{parameter.opts[0]} {word}".strip()


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    if parameter.default is None or isinstance(parameter.default, bool) or not parameter.show_default:
        return ""
    return _code(parameter.default)


def experiment_keys() -> str:
    """Every key of the experiment file, from its JSON Schema."""
    schema = config_schema()
    rows = list(_keys(schema, schema, ""))
    return table(("key", "type", "default", "limits", "meaning"), rows)


def _keys(schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", [])
    for name, entry in schema.get("properties", {}).items():
        inner = _resolved(entry, root)
        place = f"{path}{name}"
        objects = list(_objects(inner, root, place))
        meaning = inner.get("description") or next((each["description"] for _, each in objects), "")
        default = _default_value(entry, name in required)
        yield _code(place), _type(inner, root), default, _limits(inner), meaning or "Name of the model."
        for where, each in objects:
            yield from _keys(each, root, f"{where}.")


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def _variants(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    return [_resolved(each, root) for each in schema.get("oneOf", schema.get("anyOf", [schema]))]


def _objects(schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The mappings that may stand at a place or inside its lists."""
    for variant in _variants(schema, root):
        if "properties" in variant:
            yield path, variant
        elif "items" in variant:
            yield from _objects(_resolved(variant["items"], root), root, f"{path}[]")
        elif isinstance(values := variant.get("additionalProperties"), dict):
            yield from _objects(_resolved(values, root), root, f"{path}.NAME")


def _type(schema: dict[str, Any], root: dict[str, Any]) -> str:
    words = {"string": "text", "integer": "whole number", "boolean": "yes or no", "object": "mapping"}
    names = []
    for variant in _variants(schema, root):
        if variant.get("type") == "array":
            names.append(f"list of {_type(_resolved(variant['items'], root), root)}")
        elif variant.get("type") != "null":
            names.append("model name" if "enum" in variant else words[variant["type"]])
    return " or ".join(names)


def _default_value(schema: dict[str, Any], required: bool) -> str:
    value = schema.get("default")
    if required:
        return "required"
    if value is None:
        return ""
    return _code(json.dumps(value).replace('"', ""))


def _limits(schema: dict[str, Any]) -> str:
    bounds = schema if "minimum" in schema else schema.get("items", {})
    if "minimum" in bounds:
        return f"{bounds['minimum']:,} to {bounds['maximum']:,}"
    return "not empty" if schema.get("minItems") or schema.get("minLength") else ""


def models() -> str:
    """The catalogue."""
    rows = [
        (
            _code(spec.name),
            _code(spec.signature),
            spec.summary,
            f"{spec.memory_bytes / 1e6:.0f} MB",
            spec.batch_size,
            spec.tier.value + (", synthetic" if spec.synthetic else ""),
            spec.dims or "",
        )
        for spec in published().values()
    ]
    return table(("model", "signature", "what", "memory", "batch", "tier", "numbers"), rows)


def model_parameters() -> str:
    """The parameters of every model that has some."""
    rows = [
        (_code(spec.name), _code(each.name), _code(each.default), _range(each), each.description)
        for spec in published().values()
        for each in spec.parameters
    ]
    return table(("model", "parameter", "default", "range", "meaning"), rows)


def _range(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices)
    return "" if parameter.minimum is None else f"{parameter.minimum:g} to {parameter.maximum:g}"


def remote_options() -> str:
    """Every option of a model at an address, and the tasks that have it."""
    return _of_tasks("option", {task: options_of(task) for task in TASKS})


def remote_parameters() -> str:
    """Every parameter of a node whose model is at an address, and the tasks that have it."""
    return _of_tasks("parameter", {task: parameters_of(task) for task in TASKS})


def _of_tasks(kind: str, known: dict[str, tuple[Parameter, ...]]) -> str:
    tasks: dict[Parameter, list[str]] = {}
    for task, parameters in known.items():
        for parameter in parameters:
            tasks.setdefault(parameter, []).append(task.replace(" ", ""))
    rows = []
    for each, named in tasks.items():
        default = "" if each.fault(each.default) else _code(each.default)
        where = "all" if len(named) == len(TASKS) else ", ".join(map(_code, named))
        rows.append((_code(each.name), where, default.replace("\n", "\\n"), _range(each), each.description))
    return table((kind, "tasks", "default", "range", "meaning"), rows)


def licences() -> str:
    """Licence and source of every model, and the package its weights come in."""
    rows = []
    for spec in published().values():
        packages = {weights.requirement: 0 for weights in spec.weights}
        for weights in spec.weights:
            packages[weights.requirement] += weights.size
        named = ", ".join(f"`{name}`, {size / 1e6:.0f} MB" for name, size in packages.items())
        if spec.repository is not None:
            named = f"hub: `{spec.repository.id}`"
        rows.append((_code(spec.name), spec.licence, spec.source, named or "none"))
    return table(("model", "licence", "source", "weights"), rows)


def tables() -> str:
    """Every table and column of the record, from the metadata and the meanings in ``columns.toml``."""
    meanings = tomllib.loads((FOLDER / "columns.toml").read_text(encoding="utf-8"))
    parts = []
    for name, meaning in meanings.items():
        found = metadata.tables[name]
        rows = [
            (_code(column.name), _column_type(column), "" if column.nullable else "always", _means(column, meaning))
            for column in found.columns
        ]
        parts += [f"### `{name}`\n", f"{meaning['']}\n", table(("column", "type", "filled", "meaning"), rows)]
        parts.append("\n".join(_keys_of(found)) + "\n")
    if missing := metadata.tables.keys() - meanings.keys():
        raise SystemExit(f"docs/columns.toml does not speak of {', '.join(sorted(missing))}")
    return "\n".join(parts)


def _means(column: sa.Column[Any], meaning: dict[str, str]) -> str:
    if column.name not in meaning:
        raise SystemExit(f"docs/columns.toml does not speak of {column.table.name}.{column.name}")
    targets = [_code(key.column.table.name) for key in column.foreign_keys]
    return meaning[column.name] + (f" → {targets[0]}" if targets else "")


def _column_type(column: sa.Column[Any]) -> str:
    if column.type is Identifier or column.type is Digest:
        return "UUID as text" if column.type is Identifier else "SHA-256 as hex"
    words: dict[type, str] = {
        UtcTimestamp: "UTC time",
        FloatVector: "float32 bytes",
        sa.JSON: "JSON",
        sa.Text: "text",
        sa.Boolean: "true or false",
        sa.BigInteger: "64-bit integer",
        sa.Integer: "integer",
        sa.Float: "number",
        sa.LargeBinary: "bytes",
        sa.String: "text",
    }
    return next(word for kind, word in words.items() if isinstance(column.type, kind))


def _keys_of(found: sa.Table) -> Iterator[str]:
    yield f"- primary key: {', '.join(_code(column.name) for column in found.primary_key)}"
    for constraint in sorted(found.constraints, key=lambda each: str(each.name)):
        if isinstance(constraint, sa.UniqueConstraint):
            yield f"- unique: {', '.join(_code(column.name) for column in constraint.columns)}"
        elif isinstance(constraint, sa.CheckConstraint):
            yield f"- check: `{constraint.sqltext}`"


def settings() -> str:
    """Every setting, from its dataclass and the docstrings in it."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(Settings))).body
    assert isinstance(body, ast.ClassDef)
    meanings = {
        before.target.id: str(after.value.value)
        for before, after in zip(body.body, body.body[1:], strict=False)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }
    rows = [
        (_code(each.name), _code(ENVIRONMENT_PREFIX + each.name.upper()), _setting(each.default), meanings[each.name])
        for each in fields(Settings)
    ]
    return table(("key", "environment", "default", "meaning"), rows)


def _setting(value: object) -> str:
    """A default as a settings file would say it."""
    if value == ():
        return "an empty table"
    return _code(str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"'))


def api() -> str:
    """Every public name with its first sentence."""
    rows = []
    for name in panic_tda.__all__:
        value = getattr(panic_tda, name)
        kind = "class" if inspect.isclass(value) else "function" if callable(value) else type(value).__name__
        rows.append((_code(name), kind, _sentence(value.__doc__) if callable(value) else "Version of this package."))
    return table(("name", "kind", "meaning"), rows)


def error_tree() -> str:
    """The tree of errors, as drawn in its module."""
    [_, tree, _] = inspect.cleandoc(errors.__doc__ or "").split("\n\n")
    return f"```text\n{tree}\n```\n"


def analyses_table() -> str:
    """Every analysis of our own, with what its function says of itself."""
    mine = [each for each in analyses().values() if each.answer.__module__.startswith("panic_tda.")]
    rows = [(_code(each.name), each.question, _sentence(each.answer.__doc__)) for each in mine]
    return table(("analysis", "question", "what it does"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "analyses": analyses_table,
    "api": api,
    "commands": commands,
    "errors": error_tree,
    "experiment-keys": experiment_keys,
    "licences": licences,
    "model-parameters": model_parameters,
    "models": models,
    "remote-options": remote_options,
    "remote-parameters": remote_parameters,
    "settings": settings,
    "tables": tables,
}


def renewed(page: str) -> str:
    """The text of a page with its generated parts written anew."""
    return PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n{part[4]}", page)


def main() -> int:
    """Writes or checks every page; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/ anew.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when a part is out of date")
    check = parser.parse_args().check
    stale = []
    for path in sorted(FOLDER.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        fresh = renewed(page)
        if fresh != page:
            stale.append(path.name)
            if not check:
                path.write_text(fresh, encoding="utf-8")
    for name in stale:
        print(f"{'out of date' if check else 'written'}: docs/{name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
