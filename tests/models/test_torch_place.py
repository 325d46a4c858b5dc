"""What the torch families share: it lends the process's settings and gives them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panic_tda.errors import ConfigurationError, ModelLoadError, OutOfMemory, PrerequisiteError
from panic_tda.models.catalogue import published
from panic_tda.models.model import Placement
from panic_tda.models.torch_place import computing, in_rows, loading, sampling, torch_device, torch_dtype
from support.checkpoints import require_libraries

require_libraries()
import torch  # noqa: E402

SPEC = published()["CodeLlama7B"]


@given(st.lists(st.integers()), st.integers(1, 5))
def test_batches_all_have_the_same_number_of_rows_and_nothing_is_lost_or_added(items: list[int], rows: int) -> None:
    sizes: list[int] = []

    def compute(part: Sequence[int]) -> list[int]:
        sizes.append(len(part))
        return [-item for item in part]

    assert in_rows(items, rows, compute) == [-item for item in items]
    assert set(sizes) <= {rows}


def test_threads_and_gradients_are_lent() -> None:
    before = torch.get_num_threads(), torch.is_grad_enabled()
    with computing(3):
        assert (torch.get_num_threads(), torch.is_inference_mode_enabled()) == (3, True)
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == before


def test_a_seed_decides_what_is_drawn_and_leaves_no_trace() -> None:
    state = torch.random.get_rng_state()
    drawn = []
    for seed in (7, 7, 8):
        with sampling(seed, "cpu"):
            drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_lack_of_memory_on_a_device_is_one_that_batches_are_halved_for() -> None:
    with pytest.raises(OutOfMemory, match="out of memory"), computing(1):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate more")


def test_what_libraries_raise_while_loading_names_the_model() -> None:
    with pytest.raises(ModelLoadError, match=r"CodeLlama7B: .* does not load: KeyError: 'q'"), loading(SPEC):
        raise KeyError("q")
    with pytest.raises(PrerequisiteError, match="No module named 'timm'"), loading(SPEC):
        raise ModuleNotFoundError("No module named 'timm'")


def test_a_device_that_is_not_there_is_never_replaced_by_another() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(PrerequisiteError, match="finds no device cuda here"):
            torch_device(replace(SPEC, device="cuda"), Placement())
    with pytest.raises(ConfigurationError, match="planned for cpu and cannot be placed on cuda:1"):
        torch_device(SPEC, Placement(device="cuda:1"))
    assert torch_device(SPEC, Placement()) == "cpu"


@pytest.mark.parametrize(
    ("name", "kind"), [("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)]
)
def test_types_of_numbers_are_torchs(name: str, kind: object) -> None:
    assert torch_dtype(replace(SPEC, dtype=name)) is kind
