from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from panic_tda.errors import ConfigurationError
from panic_tda.training.config import ADAPTER_FROM, Training, validate_tuning


def checked(text: str) -> Any:
    return validate_tuning(yaml.safe_load(text), folder=Path("/data"))


def test_paths_are_relative_to_the_file_and_rates_may_be_written_as_people_do() -> None:
    config = checked("{model: M, corpus: {code: [src], pairs: [/p.jsonl]}, training: {learning_rate: 5e-5}}")
    assert (config.corpus.code, config.corpus.pairs) == (["/data/src"], ["/p.jsonl"])
    assert config.training.learning_rate == 5e-5


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{model: M, corpus: {}}", "corpus: names no source of pairs"),
        ("{model: M, corpus: {dataset: d, stdlib: true}}", "corpus: give dataset, or sources"),
        ("{model: M, corpus: {stdlib: true}, training: {learning_rate: fast}}", r"training\.learning_rate: should"),
        ("{model: M, corpus: {code: [a], languages: [cobol]}}", r"corpus\.languages\[0\]: should be 'python'"),
        ("{model: M, corpus: {stdlib: true}, held_out: 1.0}", "held_out: should be less than 1"),
        ("{corpus: {stdlib: true}, modle: M}", "modle: unknown key"),
        (r'{model: M, corpus: {pairs: ["a\0b"]}}', r"corpus\.pairs\[0\]: should be a path: no file has such a name"),
    ],
)
def test_each_fault_is_named_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        checked(text)


def test_models_of_a_thousand_million_parameters_learn_through_an_adapter() -> None:
    assert Training().uses_adapter(ADAPTER_FROM)
    assert not Training().uses_adapter(ADAPTER_FROM - 1)
    assert Training(adapter="always").uses_adapter(1)
    assert not Training(adapter="never").uses_adapter(ADAPTER_FROM)
