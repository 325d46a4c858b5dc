from __future__ import annotations

import pytest

from panic_tda.errors import RequestError
from panic_tda.models.catalogue import find
from panic_tda.services.choice import recommend
from panic_tda.settings import Settings


def test_models_that_run_at_once_come_first_then_the_largest() -> None:
    found = recommend("text -> vector", settings=Settings(device="cpu"))
    assert "MiniLM" in [each.model for each in found if each.runs]
    assert [each.runs for each in found] == sorted((each.runs for each in found), reverse=True)
    for ready in (True, False):
        sizes = [each.needed_bytes for each in found if each.runs is ready]
        assert sizes == sorted(sizes, reverse=True)
    assert not any(find(each.model).synthetic for each in found)


def test_nothing_is_recommended_that_does_not_fit() -> None:
    budget = 200
    found = recommend("text->vector", settings=Settings(device="cpu", memory_budget=budget))
    assert [each.model for each in found] == ["MiniLM"]
    assert all(each.needed_bytes <= budget * 1_000_000 for each in found)
    assert recommend("text->vector", settings=Settings(device="cpu", memory_budget=1)) == []


def test_what_is_no_task_is_a_wrong_request() -> None:
    with pytest.raises(RequestError, match="'song' is not a signature"):
        recommend("song")
