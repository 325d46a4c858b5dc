from __future__ import annotations

import re

import pytest

import panic_tda.errors as errors
from panic_tda.errors import ConfigurationError, NotWritten, PanicError, TooManyFailures, naming_the_file


def drawn() -> dict[str, tuple[str | None, int]]:
    """The tree in the module's docstring: each class with its parent and its exit code."""
    tree: dict[str, tuple[str | None, int]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([│├└─ ]*)([A-Z]\w+) +(\d+)?", line)
        if not found or not (line.startswith("PanicError") or found[1]):
            continue
        depth = len(found[1]) // 4
        path[depth:] = [found[2]]
        parent = path[depth - 1] if depth else None
        tree[found[2]] = (parent, int(found[3]) if found[3] else tree[parent or ""][1])
    return tree


def defined() -> dict[str, tuple[str | None, int]]:
    """The tree as it is."""
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, PanicError)]
    return {
        kind.__name__: (None if kind is PanicError else str(kind.__base__ and kind.__base__.__name__), kind.exit_code)
        for kind in classes
    }


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    assert len(drawn()) > 15
    assert drawn() == defined()


@pytest.mark.parametrize("name", defined())
def test_every_error_says_what_it_means(name: str) -> None:
    kind = getattr(errors, name)
    assert kind.__doc__
    assert "__doc__" in vars(kind)


def test_only_the_documented_exit_codes_are_used() -> None:
    assert {code for _, code in defined().values()} == {1, 2}


def test_an_error_carries_a_message_and_a_remedy() -> None:
    fault = PanicError("it broke", hint="mend it")
    assert (str(fault), fault.message, fault.hint) == ("it broke", "it broke", "mend it")
    assert PanicError("it broke").hint == ""


def test_a_configuration_error_tells_every_issue() -> None:
    fault = ConfigurationError(["one", "two"], hint="look")
    assert (fault.message, fault.issues, fault.hint) == ("one; two", ("one", "two"), "look")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (OSError(28, "No space left on device"), "make room"),
        (RuntimeError("parquet: No space left on device (os error 28)"), "make room"),
        (PermissionError(13, "Permission denied", ".a.png-x1y2"), "permissions"),
    ],
)
def test_what_the_machine_refuses_names_the_file(fault: Exception, words: str) -> None:
    with pytest.raises(NotWritten, match=r"^a\.png: ") as caught, naming_the_file("a.png"):
        raise fault
    assert words in caught.value.hint


@pytest.mark.parametrize("fault", [ValueError("a defect"), TooManyFailures("of ours")])
def test_any_other_error_stays_what_it_is(fault: Exception) -> None:
    with pytest.raises(type(fault)) as caught, naming_the_file("a.png"):
        raise fault
    assert caught.value is fault
