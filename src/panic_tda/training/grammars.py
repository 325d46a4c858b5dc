"""Pairs from JavaScript, Java, Go and Rust: a function's doc comment, and the function.

The files are read with tree-sitter, whose grammars are Python wheels of the extra ``train``.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from panic_tda.errors import PrerequisiteError
from panic_tda.training.pairs import Pair
from panic_tda.training.python_code import Found


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a language calls its functions and comments.

    ``functions`` are kinds of nodes that may carry a doc comment, ``wrappers`` kinds that may stand around one and
    carry its comment, ``between`` kinds that may stand between comment and function. ``document`` tells doc comments
    from others.
    """

    package: str
    functions: frozenset[str]
    comments: frozenset[str]
    document: re.Pattern[str]
    wrappers: frozenset[str] = frozenset()
    between: frozenset[str] = frozenset()


_BLOCK = re.compile(r"/\*\*(?!/)")
GRAMMARS = {
    "javascript": Grammar(
        "tree_sitter_javascript",
        frozenset(
            {
                *("function_declaration", "generator_function_declaration", "method_definition"),
                *("function_expression", "arrow_function"),
            }
        ),
        frozenset({"comment"}),
        _BLOCK,
        wrappers=frozenset(
            {
                *("export_statement", "lexical_declaration", "variable_declaration", "variable_declarator"),
                *("expression_statement", "assignment_expression", "pair", "field_definition"),
            }
        ),
    ),
    "java": Grammar(
        "tree_sitter_java",
        frozenset({"method_declaration", "constructor_declaration"}),
        frozenset({"block_comment"}),
        _BLOCK,
    ),
    "go": Grammar(
        "tree_sitter_go",
        frozenset({"function_declaration", "method_declaration"}),
        frozenset({"comment"}),
        re.compile(r"//(?!go:)|/\*"),
    ),
    "rust": Grammar(
        "tree_sitter_rust",
        frozenset({"function_item", "function_signature_item"}),
        frozenset({"line_comment", "block_comment"}),
        re.compile(r"///(?!/)|/\*\*(?!/)"),
        between=frozenset({"attribute_item"}),
    ),
}
"""The languages besides Python, by name."""


def grammar_pairs(text: str, source: str, language: str) -> Found:
    """One pair for each function that has a doc comment and a body.

    The anchor is the comment without its signs; the positive is the function with what belongs to it (``export``,
    attributes), dedented. Counted as skipped are functions with ``no doc comment`` or ``no body``, and a file with a
    ``syntax error``. Raises ``PrerequisiteError`` when the grammar is not installed.
    """
    grammar = GRAMMARS[language]
    root = _parser(grammar.package).parse(text.encode()).root_node
    if root.has_error:
        return Found([], Counter({"syntax error": 1}))
    pairs, skipped = [], Counter[str]()
    for function in _functions(root, grammar):
        first, comments = _documented(_whole(function, grammar), grammar)
        anchor = _without_signs([_text(each) for each in comments])
        if not anchor:
            skipped["no doc comment"] += 1
        elif function.child_by_field_name("body") is None:
            skipped["no body"] += 1
        else:
            pairs.append(Pair(anchor, _lines(text, first, _whole(function, grammar)), source))
    return Found(pairs, skipped)


@cache
def _parser(package: str) -> Any:
    try:
        tree_sitter, grammar = import_module("tree_sitter"), import_module(package)
    except ImportError as fault:
        raise PrerequisiteError(f"{package} is not installed", hint="pip install 'panic-tda[train]'") from fault
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


def _functions(root: Any, grammar: Grammar) -> Iterator[Any]:
    """The nodes of functions in the order of the text; without recursion, since code may be nested deeply."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type in grammar.functions:
            yield node
        waiting += reversed(node.children)


def _whole(node: Any, grammar: Grammar) -> Any:
    """The outermost node that is the function and its wrappers, and nothing else."""
    while node.parent is not None and node.parent.type in grammar.wrappers and _is_last(node):
        node = node.parent
    return node


def _is_last(node: Any) -> bool:
    """Whether a wrapper wraps this node, and no list of several: ``const a = () => 1, b = 2`` is left alone."""
    named = [each for each in node.parent.named_children if each.type == node.type]
    return len(named) == 1


def _documented(node: Any, grammar: Grammar) -> tuple[Any, list[Any]]:
    """The first node that belongs to the function, and the comments right above it, in order."""
    first, comments = node, list[Any]()
    above = node.prev_sibling
    while above is not None and above.type in grammar.between:
        first, above = above, above.prev_sibling
    row = first.start_point[0]
    while above is not None and above.type in grammar.comments and _last_row(above) == row - 1:
        if not grammar.document.match(_text(above)):
            break
        comments.insert(0, above)
        row = above.start_point[0]
        if _text(above).startswith("/*"):
            break
        above = above.prev_sibling
    return first, comments


def _last_row(node: Any) -> int:
    """The row a comment ends in; some grammars count the line break as a part of it."""
    row, column = node.end_point
    return int(row if column else row - 1)


def _text(node: Any) -> str:
    return str(node.text.decode())


def _without_signs(comments: list[str]) -> str:
    """The words of comments: no ``/**``, ``*``, ``//``, ``///`` and no empty lines at either end."""
    lines = []
    for comment in comments:
        inside = comment.strip()
        if inside.startswith("/*"):
            rows = re.sub(r"^/\*+!?|\*+/$", "", inside).split("\n")
            lines += [rows[0].strip(), *(re.sub(r"^\s*\* ?", "", row) for row in rows[1:])]
        else:
            lines.append(re.sub(r"^//[/!]? ?", "", inside))
    return textwrap.dedent("\n".join(line.rstrip() for line in lines)).strip()


def _lines(text: str, first: Any, last: Any) -> str:
    """The text from one node to the end of another, with the indentation before the first taken away everywhere."""
    encoded = text.encode()
    start = encoded.rfind(b"\n", 0, first.start_byte) + 1
    indent = encoded[start : first.start_byte]
    body = encoded[first.start_byte : last.end_byte]
    return textwrap.dedent((indent if not indent.strip() else b"").decode() + body.decode()).strip()
