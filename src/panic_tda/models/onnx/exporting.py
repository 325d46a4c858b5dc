"""Exports a torch embedder to a folder that onnxruntime runs, and compares the two."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from panic_tda.content import Content
from panic_tda.errors import ModelError, RequestError, first_line
from panic_tda.models.adding import completed
from panic_tda.models.files import write_whole
from panic_tda.models.hashing import sha256_of_file
from panic_tda.models.model import Embedder, ModelSpec, Placement
from panic_tda.models.onnx import added
from panic_tda.models.onnx.integers import compute_in_integers
from panic_tda.models.onnx.manifest import Manifest
from panic_tda.models.onnx.networks import Network, open_network
from panic_tda.models.onnx.samples import sample_contents
from panic_tda.models.repositories import EMBEDDER_FILE
from panic_tda.models.shelf import Added
from panic_tda.models.torch_place import computing, quiet

LEAST_COSINE, LEAST_COSINE_INT8 = 0.9999, 0.99
_MOST_INSIDE = 1 << 30
"""Bytes above which the weights of a network stand in a file beside it."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the bytes of all files, and the smallest cosine between exported and torch vectors."""

    model: str
    folder: str
    files: tuple[str, ...]
    bytes: int
    smallest_cosine: float


def export(spec: ModelSpec, out: Path, *, int8: bool = False, report: Callable[[str], None]) -> Exported:
    """Exports, compares, and renames the folder into place.

    Raises ``RequestError`` for what cannot be exported, ``PrerequisiteError`` for what is missing, ``ModelError`` when
    the vectors differ. Then nothing is left behind.
    """
    spec = _prepared(spec)
    place = out.expanduser().absolute()
    if place.exists():
        raise RequestError(f"{place} exists already", hint="name a folder that does not exist")
    aside = place.with_name(f"{place.name}.part-{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        report(f"{spec.name}: exporting")
        _write(spec, aside, int8=int8)
        report(f"{spec.name}: comparing")
        cosine = _smallest_cosine(spec, aside)
        least = LEAST_COSINE_INT8 if int8 else LEAST_COSINE
        if not cosine >= least:
            raise ModelError(f"{spec.name}: exported and torch vectors differ: smallest cosine {cosine:.6f} < {least}")
        aside.rename(place)
    except OSError as fault:
        raise RequestError(f"{place} cannot be written: {fault.strerror or fault}") from fault
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    files = tuple(sorted(file.name for file in place.iterdir()))
    return Exported(spec.name, str(place), files, sum((place / name).stat().st_size for name in files), cosine)


def _prepared(spec: ModelSpec) -> ModelSpec:
    """The entry in float32 on the CPU, which is what is exported and compared."""
    if spec.extra != "torch" or spec.signature.is_generator:
        raise RequestError(f"{spec.name} cannot be exported: it is no embedder that torch computes")
    chosen = replace(spec, device="cpu", dtype="float32", tier=spec.tiers[0] if spec.tiers else spec.tier)
    replace(chosen, requires=(*spec.requires, "onnx", "onnxscript"), extra="export").check_packages()
    return chosen


def _write(spec: ModelSpec, folder: Path, *, int8: bool) -> None:
    network = open_network(spec, folder)
    try:
        _write_network(network, folder / "model.onnx")
        if int8:
            _quantise(folder / "model.onnx")
    except (MemoryError, OSError, RequestError):
        raise
    except Exception as fault:  # the exporter raises whatever its parts raise
        line = first_line(fault, most=200)
        raise ModelError(f"{spec.name} cannot be exported: {type(fault).__name__}: {line}") from fault
    manifest = Manifest(
        model=spec.name,
        version=spec.version,
        source=spec.source,
        licence=spec.licence,
        dims=spec.dims or 0,
        dtype="int8" if int8 else "float32",
        pooling=cast("Any", network.pooling),
        text=network.text,
        image=network.image,
        files={file.name: sha256_of_file(file) for file in sorted(folder.iterdir())},
    )
    write_whole(folder / EMBEDDER_FILE, manifest.model_dump_json(indent=2, exclude_none=True) + "\n")


def _write_network(network: Network, path: Path) -> None:
    import torch

    rows = {0: torch.export.Dim.DYNAMIC, **dict.fromkeys(network.dynamic, torch.export.Dim.DYNAMIC)}
    with _still(), computing(1), quiet():
        program = torch.onnx.export(
            network.compute,
            tuple(network.sample.values()),
            dynamo=True,
            input_names=list(network.sample),
            output_names=["vectors"],
            dynamic_shapes=tuple(dict(rows) for _ in network.sample),
            verbose=False,
        )
        program.save(str(path))
    del program
    gc.collect()


def _quantise(path: Path) -> None:
    """Weights to 8 bits, and products with them in integers."""
    import onnx

    network = onnx.load(str(path))
    if not compute_in_integers(network):
        raise RequestError("the network has no matrices of weights for integers", hint="leave out --int8")
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)
    onnx.save(network, str(path), save_as_external_data=network.ByteSize() > _MOST_INSIDE, location=f"{path.name}.data")


@contextlib.contextmanager
def _still() -> Iterator[None]:
    """Inside the block the exporter neither logs nor warns nor prints."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _smallest_cosine(spec: ModelSpec, folder: Path) -> float:
    """Over the built-in texts or pictures."""
    contents = sample_contents(spec.signature.input)
    ours = added(spec.name, Added("onnx", str(folder), completed("onnx", folder, {})))
    here = _vectors(ours, contents)
    there = _vectors(spec, contents)
    return min(float(one @ other) for one, other in zip(here, there, strict=True))


def _vectors(spec: ModelSpec, contents: list[Content]) -> list[Any]:
    model = cast("Embedder", spec.load(Placement()))
    try:
        found = model.embed(contents)
    finally:
        model.close()
    if faults := [each for each in found if isinstance(each, ModelError)]:
        raise faults[0]
    return list(found)
