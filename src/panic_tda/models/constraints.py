"""What an answer may look like: a JSON schema, a regular expression, a grammar, or one of several texts.

Each is spelt as one grammar in the Lark dialect of ``llguidance``, which llama.cpp and our torch models obey token by
token. A schema is refused when it says anything that the grammar cannot enforce: no answer satisfies it by chance only.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from panic_tda.errors import ConstraintError, InvalidConstraint


class ConstraintKind(StrEnum):
    """The four ways to say it."""

    SCHEMA = "schema"
    REGEX = "regex"
    GRAMMAR = "grammar"
    CHOICES = "choices"


# JSON as `json.dumps` writes it: a model that may choose its white space can fill all of its answer with it.
_JSON_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


@dataclass(frozen=True, slots=True)
class Constraint:
    """A language that an answer must belong to; make it with one of the four functions below."""

    kind: ConstraintKind
    text: str
    """As it was asked for: JSON of a schema or of the list of choices, a pattern, a grammar."""
    lark: str
    """The grammar in the dialect of llguidance."""


def schema(wanted: Any) -> Constraint:
    """Answers that are JSON and valid under this JSON schema (a mapping, or its text)."""
    parsed = _parsed(wanted) if isinstance(wanted, str) else wanted
    if not isinstance(parsed, dict):
        raise InvalidConstraint(f"a JSON schema is an object, not {json.dumps(parsed)[:60]}")
    styled = {**parsed, "x-guidance": {**_JSON_STYLE, **parsed.get("x-guidance", {})}}
    return _checked(ConstraintKind.SCHEMA, json.dumps(parsed), f"start: %json {json.dumps(styled)}")


def regex(pattern: str) -> Constraint:
    """Answers that match the whole pattern (syntax of Rust's ``regex``: no look-around, no back-references)."""
    return _checked(ConstraintKind.REGEX, pattern, f"start: /{_without_slashes(pattern)}/")


def choices(options: list[str] | tuple[str, ...]) -> Constraint:
    """Answers that are one of these texts."""
    if not options or not all(options):
        raise InvalidConstraint("choices are one or more texts, none of them empty")
    quoted = " | ".join(json.dumps(option, ensure_ascii=False) for option in options)
    return _checked(ConstraintKind.CHOICES, json.dumps(list(options), ensure_ascii=False), f"start: {quoted}")


def grammar(text: str) -> Constraint:
    """Answers of a grammar, written in GBNF (as llama.cpp has it) or in the Lark dialect of llguidance."""
    from llguidance.gbnf_to_lark import any_to_lark

    try:
        lark = any_to_lark(text)
    except Exception as fault:  # its own error, or whatever its parser trips over
        raise InvalidConstraint(f"the grammar cannot be read: {_line(str(fault))}") from None
    return _checked(ConstraintKind.GRAMMAR, text, lark.replace("%llguidance {}", "", 1))


def accepts(constraint: Constraint, text: str) -> bool:
    """Whether the text is a whole answer under the constraint."""
    from llguidance import LLMatcher

    tokenizer = _bytes()
    matcher = LLMatcher(tokenizer, constraint.lark, log_level=0)
    tokens = tokenizer.tokenize_str(text)
    return bool(matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting())


def require_accepted(constraint: Constraint | None, text: str, *, model: str, tokens: int) -> None:
    """Raises ``ConstraintError`` when a finished answer is not one the constraint allows."""
    if constraint is not None and not accepts(constraint, text):
        raise ConstraintError(
            f"{model}: no whole answer under the {constraint.kind} within {tokens} tokens; it began {text[:60]!r}",
            hint="raise max_tokens, or ask for something shorter",
        )


def _checked(kind: ConstraintKind, asked: str, lark: str) -> Constraint:
    from llguidance import LLMatcher

    whole = f"%llguidance {{}}\n{lark.strip()}\n"
    failed, messages = LLMatcher.validate_grammar_with_warnings(whole)
    if failed:
        raise InvalidConstraint(f"the {kind} cannot be obeyed: {_line(messages[0])}")
    return Constraint(kind, asked, whole)


def _line(message: str) -> str:
    """What a message says, without the excerpt of our own grammar that follows it."""
    said = " ".join(message.partition("\n   1 |")[0].split())
    return re.sub(r"^at \d+\(\d+\): |failed to compile JSON schema: ", "", said)[:300]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as fault:
        raise InvalidConstraint(f"the JSON schema is not JSON: {fault}") from None


def _without_slashes(pattern: str) -> str:
    """The pattern as it may stand between slashes on one line."""
    spelt, escaped = [], False
    for sign in pattern:
        if sign == "\n":
            spelt.append("n" if escaped else "\\n")
        else:
            spelt.append("\\/" if sign == "/" and not escaped else sign)
        escaped = sign == "\\" and not escaped
    return "".join(spelt)


@lru_cache(maxsize=1)
def _bytes() -> Any:
    from llguidance import LLTokenizer

    return LLTokenizer("byte")
