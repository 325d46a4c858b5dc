"""Networks whose models do not fit into memory together: they take turns, and all runs go through at once."""

from __future__ import annotations

import pytest

from panic_tda.models.model import ModelSpec
from panic_tda.runtime.inprocess import InProcessExecutor
from panic_tda.store.database import Record
from support.laboratory import fakes, performed
from support.models import fake_spec

__all__ = ["fakes"]

MEGABYTE = 2**20
RUNS, CYCLES = 13, 3


@pytest.mark.parametrize("models", [2, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 32])
def test_a_cycle_costs_one_load_for_each_model_however_many_runs_there_are(
    models: int, batch_size: int, sqlite_record: Record, fakes: dict[str, ModelSpec]
) -> None:
    names = [f"Turn{number}" for number in range(models)]
    fakes |= {name: fake_spec(name, megabytes=10, batch_size=batch_size) for name in names}
    config = {
        "network": names,
        "prompts": [f"prompt {number}" for number in range(RUNS)],
        "seeds": [1],
        "embedding_models": ["Ruler"],
        "max_length": models * CYCLES,
    }
    executor = InProcessExecutor(memory_budget=15 * MEGABYTE)
    outcome = performed(sqlite_record, config, executor=executor)
    assert (outcome.status, outcome.invocations) == ("completed", RUNS * models * CYCLES)
    assert executor.loads - 1 == models * CYCLES  # one more for the embedder
