"""Pairs from Python: the docstring of a function, and the function without it."""

from __future__ import annotations

import ast
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from panic_tda.training.pairs import Pair

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Found(NamedTuple):
    """The pairs of one file, in the order of the text, and how many functions (or files) were skipped, by reason."""

    pairs: list[Pair]
    skipped: Counter[str]


def python_pairs(text: str, source: str) -> Found:
    """One pair for each function that has a docstring and does something besides.

    The anchor is the docstring, cleaned of its indentation; the positive is the function with its decorators, as it
    stands in the text, without the docstring and dedented. A nested function is a pair of its own, and stays a part of
    the one around it. Counted as skipped are functions with ``no docstring`` or with ``nothing but a docstring``, and
    a file with a ``syntax error``.
    """
    skipped: Counter[str] = Counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read, not of ours
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Found([], Counter({"syntax error": 1}))
    lines = text.splitlines(keepends=True)
    pairs = []
    for function in _functions(tree):
        anchor = ast.get_docstring(function)
        if not anchor or not anchor.strip():
            skipped["no docstring"] += 1
        elif len(function.body) == 1:
            skipped["nothing but a docstring"] += 1
        else:
            pairs.append(Pair(anchor, _without_docstring(function, lines), source))
    return Found(pairs, skipped)


def _functions(tree: ast.AST) -> Iterator[_Function]:
    """Every function, in the order of the text."""
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return iter(sorted(found, key=lambda node: (node.lineno, node.col_offset)))


def _without_docstring(function: _Function, lines: list[str]) -> str:
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    docstring, following = function.body[0], function.body[1]
    assert docstring.end_lineno is not None
    assert function.end_lineno is not None
    head = lines[first - 1 : docstring.lineno - 1]
    if docstring.lineno == function.lineno or not _stands_alone(docstring, lines):
        # ``def f(): "text"; return 1``: what shares a line with the docstring is taken from the tree.
        return ast.unparse(_bare(function))
    tail_from = min(docstring.end_lineno, following.lineno - 1)
    tail = lines[tail_from : function.end_lineno]
    return textwrap.dedent("".join(head + tail)).rstrip()


def _stands_alone(docstring: ast.stmt, lines: list[str]) -> bool:
    """Whether nothing else stands on the lines of the docstring (a comment behind it counts as nothing)."""
    assert docstring.end_lineno is not None
    before = lines[docstring.lineno - 1].encode()[: docstring.col_offset]
    behind = lines[docstring.end_lineno - 1].encode()[docstring.end_col_offset :].strip()
    return not before.strip() and (not behind or behind.startswith(b"#"))


def _bare(function: _Function) -> _Function:
    kind = type(function)
    copy = kind(**{name: getattr(function, name) for name in function._fields})
    copy.body = function.body[1:]
    return ast.copy_location(copy, function)
