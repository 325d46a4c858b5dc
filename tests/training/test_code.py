"""Pairs from code: a small repository, and the exact lines that come of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from panic_tda.errors import ConfigurationError
from panic_tda.training.code import code_pairs, stdlib_pairs
from panic_tda.training.pairs import jsonl

pytest.importorskip("tree_sitter")

FILES: dict[str, str | bytes] = {
    "a.py": '''
def outer(x):
    """Adds one
    to a number."""
    def inner(y):
        """Doubles a number."""
        return 2 * y
    return inner(x) + 1


def silent():
    return 0


class Thing:
    @property
    @staticmethod
    async def wait(seconds):  # how long
        """Waits for a while."""  # politely
        # then goes on
        await sleep(seconds)

    def only(self):
        """Nothing but words."""


def short(): "One line."; return "é"
''',
    "broken.py": "def f(:\n",
    "latin.py": b'def f():\n    """Caf\xe9."""\n    return 1\n',
    "node_modules/left_out.js": "/** Left out. */\nfunction leftOut() {}\n",
    ".hidden/left_out.py": 'def f():\n    """Left out."""\n    return 1\n',
    "b.js": """
/** Adds two numbers.
 * @returns the sum */
export function add(a, b) { return a + b; }
// No doc.
function none() {}
class A {
  /** Says hello. */
  async hello() { return 1; }
}
/** Squares. */
const square = (x) => x * x;
""",
    "c.java": """
class C {
  /**
   * Adds.
   *
   * @param a the first
   */
  @Override
  public int add(int a) {
    return a;
  }
  /** Abstract. */
  abstract void none();
}
""",
    "d.go": """package d

// Add adds two numbers.
// It returns the sum.
func Add(a, b int) int {
	return a + b
}

// Detached.

func none() {}
""",
    "e.rs": """
/// Adds two numbers.
///
/// Returns the sum.
#[inline]
pub fn add(a: i32, b: i32) -> i32 { a + b }

impl T {
    /** How long it is. */
    pub fn len(&self) -> usize {
        self.n
    }
}
""",
    "f.rs": "fn (",
}

EXPECTED = r"""
{"anchor": "Adds one\nto a number.", "positive": "def outer(x):\n    def inner(y):\n        \"\"\"Doubles a number.\"\"\"\n        return 2 * y\n    return inner(x) + 1", "source": "repository/a.py"}
{"anchor": "Doubles a number.", "positive": "def inner(y):\n    return 2 * y", "source": "repository/a.py"}
{"anchor": "Waits for a while.", "positive": "@property\n@staticmethod\nasync def wait(seconds):  # how long\n    # then goes on\n    await sleep(seconds)", "source": "repository/a.py"}
{"anchor": "One line.", "positive": "def short():\n    return 'é'", "source": "repository/a.py"}
{"anchor": "Adds two numbers.\n@returns the sum", "positive": "export function add(a, b) { return a + b; }", "source": "repository/b.js"}
{"anchor": "Says hello.", "positive": "async hello() { return 1; }", "source": "repository/b.js"}
{"anchor": "Squares.", "positive": "const square = (x) => x * x;", "source": "repository/b.js"}
{"anchor": "Adds.\n\n@param a the first", "positive": "@Override\npublic int add(int a) {\n  return a;\n}", "source": "repository/c.java"}
{"anchor": "Add adds two numbers.\nIt returns the sum.", "positive": "func Add(a, b int) int {\n\treturn a + b\n}", "source": "repository/d.go"}
{"anchor": "Adds two numbers.\n\nReturns the sum.", "positive": "#[inline]\npub fn add(a: i32, b: i32) -> i32 { a + b }", "source": "repository/e.rs"}
{"anchor": "How long it is.", "positive": "pub fn len(&self) -> usize {\n    self.n\n}", "source": "repository/e.rs"}
"""  # noqa: E501


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder with a file of every kind."""
    folder = tmp_path / "repository"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_a_repository_gives_exactly_these_pairs_and_says_what_it_skipped(repository: Path) -> None:
    found = code_pairs(repository)
    assert jsonl(found.pairs) == EXPECTED.lstrip()
    assert found.skipped == Counter(
        {
            "no docstring": 1,
            "nothing but a docstring": 1,
            "syntax error": 2,
            "not UTF-8": 1,
            "no doc comment": 2,
            "no body": 1,
        }
    )


def test_only_the_languages_asked_for_are_read(repository: Path) -> None:
    assert {pair.source for pair in code_pairs(repository, ["go"], name="mine").pairs} == {"mine/d.go"}


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        code_pairs(tmp_path / "nowhere")


def test_every_function_of_the_standard_library_reads_as_one_and_the_tests_are_left_out() -> None:
    found = stdlib_pairs(only="json")
    assert len(found.pairs) > 10
    assert all(pair.source.startswith("stdlib/json/") for pair in found.pairs)
    assert all("def " in pair.positive for pair in found.pairs)
