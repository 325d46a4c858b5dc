"""What every family that computes with torch shares: the device, the type of numbers, threads, memory, quiet.

Nothing here sets a default for the whole process: device and type are handed to each model, and the number of threads,
the libraries' progress bars and the volume of their logs are as before when a block ends.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from panic_tda.errors import ConfigurationError, DeviceFault, ModelLoadError, OutOfMemory, PrerequisiteError, first_line
from panic_tda.models.economies import is_quantised, require_gpu
from panic_tda.models.model import ModelSpec, Parameters, Placement
from panic_tda.models.repositories import brings_code

_LIBRARIES = "(torch|diffusers|transformers|sentence_transformers|accelerate|sentencepiece)($|[.])"
T = TypeVar("T")
S = TypeVar("S")


def torch_device(spec: ModelSpec, placement: Placement) -> str:
    """The device the model goes to; raises ``PrerequisiteError`` when it is not there."""
    import torch

    device = spec.device if placement.device == "auto" else placement.device
    kind = device.partition(":")[0]
    if kind != spec.device:
        raise ConfigurationError([f"{spec.name} was planned for {spec.device} and cannot be placed on {device}"])
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(kind, False):
        raise PrerequisiteError(
            f"{spec.name}: torch {torch.__version__} finds no device {device} here",
            hint='set device = "cpu" in the settings, or install a torch that was built for it',
        )
    return device


def torch_dtype(spec: ModelSpec) -> Any:
    """The torch type of the entry's ``dtype``."""
    import torch

    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[spec.dtype]


@contextmanager
def computing(threads: int) -> Iterator[None]:
    """Inside the block nothing is differentiated, and torch uses that many threads; its lack of memory is ours.

    So are faults of a device, after which nothing more can be computed on it in this process.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    except torch.OutOfMemoryError as fault:
        raise OutOfMemory(str(fault).splitlines()[0]) from fault
    except torch.AcceleratorError as fault:
        raise DeviceFault(first_line(fault), hint="--executor process goes on in a new process") from fault
    finally:
        torch.set_num_threads(before)


@contextmanager
def loading(spec: ModelSpec) -> Iterator[None]:
    """Inside the block the libraries load quietly; what they raise becomes a ``ModelLoadError``."""
    try:
        # Libraries draw first weights before they read the real ones.
        with quiet(), sampling(0, "cpu"):
            yield
    except (MemoryError, PrerequisiteError, ModelLoadError):
        raise
    except ImportError as fault:
        raise PrerequisiteError(f"{spec.name}: {first_line(fault)}") from fault
    except Exception as fault:  # the libraries raise whatever their parts raise
        folder = spec.repository.folder if spec.repository else "its weights"
        raise ModelLoadError(
            f"{spec.name}: {folder} does not load: {type(fault).__name__}: {first_line(fault)}"
        ) from fault


def load_whole(spec: ModelSpec, kind: str, folder: Path, device: str) -> Any:
    """A model of transformers by its class, on the device; raises ``ModelLoadError`` when weights are missing."""
    import transformers

    assert spec.repository is not None
    require_gpu(spec, device)
    model, found = getattr(transformers, kind).from_pretrained(
        folder,
        dtype=torch_dtype(spec),
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=spec.repository.remote_code and brings_code(folder),
        output_loading_info=True,
        **_four_bits(spec, device),
    )
    if missing := sorted(found["missing_keys"]):
        raise ModelLoadError(f"{spec.name}: {folder} lacks {len(missing)} weights, for instance {missing[0]}")
    return (model if is_quantised(spec) else model.to(device)).eval()


def _four_bits(spec: ModelSpec, device: str) -> dict[str, Any]:
    """How transformers makes the weights smaller while it loads them, straight onto the device."""
    if not is_quantised(spec):
        return {}
    from transformers import BitsAndBytesConfig

    return {"quantization_config": BitsAndBytesConfig(**four_bits(spec)), "device_map": {"": device}}


def four_bits(spec: ModelSpec) -> dict[str, Any]:
    """Settings of bitsandbytes; raises ``PrerequisiteError`` when it is not installed."""
    if find_spec("bitsandbytes") is None:
        raise PrerequisiteError(
            f"{spec.name}: quantisation=4bit needs the Python package bitsandbytes", hint="pip install bitsandbytes"
        )
    return {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": torch_dtype(spec)}


@contextmanager
def quiet() -> Iterator[None]:
    """Inside the block diffusers and transformers draw no bars, and neither log nor warn of their own ways."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for kind in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=kind, module=_LIBRARIES)
        for logging in _loggings():
            stack.enter_context(_hushed(logging))
        yield


@contextmanager
def _hushed(logging: Any) -> Iterator[None]:
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _loggings() -> list[Any]:
    """The logging modules of the libraries that are in use already; others have nothing to say."""
    names = ("transformers.utils.logging", "diffusers.utils.logging")
    return [sys.modules[name] for name in names if name in sys.modules]


@contextmanager
def sampling(seed: int, device: str) -> Iterator[None]:
    """Inside the block everything torch draws comes from this seed; afterwards its generators are as before."""
    import torch

    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        torch.manual_seed(seed)
        yield


def generation_settings(parameters: Parameters, **when_sampling: Any) -> dict[str, Any]:
    """Settings of ``generate`` of transformers, all of them written out: what lies in the folder is not to decide.

    ``when_sampling`` are further settings for temperatures above 0; at 0 it is greedy.
    """
    temperature = float(parameters.get("temperature", 0.0))
    settings: dict[str, Any] = {
        "max_new_tokens": parameters["max_tokens"],
        "num_beams": parameters.get("beams", 1),
        "do_sample": temperature > 0,
    }
    if temperature > 0:
        settings |= {"temperature": temperature, "top_p": parameters.get("top_p", 1.0), **when_sampling}
    return settings


def release() -> None:
    """Gives back the memory of a model that nothing refers to any more.

    The libraries' models refer to themselves, and torch keeps what was freed on a GPU for itself until it is told.
    """
    import torch

    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def in_rows(items: Sequence[T], rows: int, compute: Callable[[Sequence[T]], Sequence[S]]) -> list[S]:
    """Computes batches of exactly ``rows`` items, the last one filled up with its own first item.

    Every batch has the same shape then, so that what an item gives does not depend on how many there are.
    """
    made: list[S] = []
    for start in range(0, len(items), rows):
        part = list(items[start : start + rows])
        filled = part + part[:1] * (rows - len(part))
        made += list(compute(filled))[: len(part)]
    return made
