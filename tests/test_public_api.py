"""What ``import panic_tda`` offers, and how."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module, metadata

import pytest

import panic_tda

NAMES = [name for name in panic_tda.__all__ if not name.startswith("__")]


def test_there_are_few_names_in_order() -> None:
    assert len(panic_tda.__all__) <= 30
    assert panic_tda.__all__ == sorted(panic_tda.__all__)
    assert len(set(panic_tda.__all__)) == len(panic_tda.__all__)
    assert dir(panic_tda) == panic_tda.__all__


def test_every_name_has_a_home_and_every_home_a_name() -> None:
    assert sorted(panic_tda._HOMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_found_at_its_home_and_says_what_it_is(name: str) -> None:
    module, _, attribute = panic_tda._HOMES[name].partition(":")
    value = getattr(panic_tda, name)
    assert value is getattr(import_module(f"panic_tda.{module}"), attribute)
    assert len((value.__doc__ or "").strip()) > 10


def test_every_error_is_reachable_as_a_panic_error() -> None:
    assert issubclass(panic_tda.ConfigurationError, panic_tda.PanicError)


def test_the_version_is_the_one_that_is_installed() -> None:
    assert panic_tda.__version__ == metadata.version("panic-tda")


@pytest.mark.parametrize("name", ["no_such_name", "__path_", "lyapunov"])
def test_any_other_name_is_an_attribute_error_that_names_it(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'panic_tda' has no attribute '{name}'"):
        getattr(panic_tda, name)


def test_a_star_import_brings_exactly_these() -> None:
    space: dict[str, object] = {}
    exec("from panic_tda import *", space)
    assert space.keys() - {"__builtins__"} == set(panic_tda.__all__)


def test_the_example_in_the_docstring_runs(tmp_path: object) -> None:
    text = (panic_tda.__doc__ or "").partition("\n\n")[2].partition("\n\nEvery name")[0]
    code = "\n".join(line.removeprefix("    ") for line in text.splitlines())
    experiment = (
        "networks: [[DummyT2I, DummyI2T]]\nprompts: [a]\nseeds: [1]\nembedding_models: [DummyText]\nmax_length: 4\n"
    )
    program = f"import pathlib\npathlib.Path('experiment.yaml').write_text({experiment!r})\n{code}\nprint(frame.height)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=str(tmp_path), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "4"
