"""What a program takes and makes: ``text, style -> summary``, or typed, ``question -> answer: Literal['yes','no']``."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from panic_tda.content import Content, Image
from panic_tda.errors import SignatureError
from panic_tda.programs.fields import TYPES, Field, Value
from panic_tda.signature import Kind, Signature

_SYNONYMS = {"text": "str", "string": "str", "image": "Image"}
_EXAMPLE = "for instance: text, style -> summary, or question -> answer: Literal['yes','no']"


@dataclass(frozen=True, slots=True)
class ProgramSignature:
    """Named, typed inputs and outputs. In a network the first input is what the model before makes."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    @classmethod
    def parse(cls, text: str) -> ProgramSignature:
        """Reads a signature; raises ``SignatureError``.

        Types are ``str`` (where none is given), ``int``, ``float``, ``bool``, ``Literal`` of texts, and ``Image``,
        which may only be the first input or the only output.
        """
        if text.count("->") != 1:
            raise _bad(text, "it needs one -> between inputs and outputs")
        left, _, right = text.partition("->")
        signature = cls(_fields(text, left), _fields(text, right))
        names = [field.name for field in (*signature.inputs, *signature.outputs)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise _bad(text, f"{twice} occurs twice")
        images = [*signature.inputs[1:], *(signature.outputs if len(signature.outputs) > 1 else ())]
        if field := next((field for field in images if field.kind is Kind.IMAGE), None):
            raise _bad(text, f"an image must be the first input or the only output, and {field.name} is neither")
        return signature

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.inputs))} -> {', '.join(map(str, self.outputs))}"

    @property
    def further(self) -> tuple[Field, ...]:
        """The inputs after the first: parameters, where the program stands in a network."""
        return self.inputs[1:]

    @property
    def kinds(self) -> Signature:
        """What it takes and makes as a model: several outputs are one text, a JSON object."""
        return Signature(self.inputs[0].kind, self.outputs[0].kind)

    def check(self, given: Mapping[str, object], *, known: Collection[str] = ()) -> None:
        """Raises ``SignatureError`` with every input that is missing (unless ``known``), wrong-typed or unheard of."""
        fields = {field.name: field for field in self.inputs}
        faults = [f"{name} is missing" for name in fields if name not in given and name not in known]
        faults += [fault for name, value in given.items() if name in fields and (fault := fields[name].fault(value))]
        faults += [f"there is no input {name!r}" for name in given if name not in fields]
        if faults:
            raise SignatureError("; ".join(faults), hint=f"the signature is: {self}")

    def value_of(self, content: Content) -> Value:
        """The first input from what a model before made; raises ``SignatureError``."""
        if isinstance(content, Image):
            return content
        try:
            return self.inputs[0].read(content.value)
        except ValueError as fault:
            raise SignatureError(str(fault), hint=f"the signature is: {self}") from None


def _fields(whole: str, side: str) -> tuple[Field, ...]:
    try:
        arguments = ast.parse(f"def _({side.strip()}): ...").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise _bad(whole, f"{side.strip()!r} is not a list of names and types") from None
    function = arguments[0]
    if len(arguments) != 1 or not isinstance(function, ast.FunctionDef) or not _plain(function):
        raise _bad(whole, f"{side.strip()!r} is not a list of names and types")
    fields = tuple(_field(whole, argument) for argument in function.args.args)
    if not fields:
        raise _bad(whole, "it needs an input and an output")
    return fields


def _plain(function: ast.FunctionDef) -> bool:
    """Whether there are names and types only: no defaults, stars or separators, and nothing after them."""
    given = function.args
    special = (given.posonlyargs, given.kwonlyargs, given.vararg, given.kwarg, given.defaults, function.returns)
    [body] = function.body if len(function.body) == 1 else [None]
    return not any(special) and isinstance(body, ast.Expr) and isinstance(body.value, ast.Constant)


def _field(whole: str, argument: ast.arg) -> Field:
    match argument.annotation:
        case None:
            return Field(argument.arg)
        case ast.Name(id=name) if _SYNONYMS.get(name, name) in TYPES:
            return Field(argument.arg, _SYNONYMS.get(name, name))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            return Field(argument.arg, "str", _choices(whole, choices))
    wanted = f"{', '.join(TYPES)} or Literal['…']"
    raise _bad(whole, f"{argument.arg} is of type {ast.unparse(argument.annotation)}, which is none of {wanted}")


def _choices(whole: str, choices: ast.expr) -> tuple[str, ...]:
    items = choices.elts if isinstance(choices, ast.Tuple) else [choices]
    found = tuple(item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str))
    if len(found) != len(items) or not found or any(choice != choice.strip() or not choice for choice in found):
        raise _bad(whole, "Literal holds texts in quotes, without space around them")
    return found


def _bad(text: str, reason: str) -> SignatureError:
    return SignatureError(f"{' '.join(text.split())!r} is not a signature: {reason}", hint=_EXAMPLE)
