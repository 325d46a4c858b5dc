"""Sessions of onnxruntime: provider and threads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from panic_tda.errors import ModelLoadError, OutOfMemory, PrerequisiteError, first_line
from panic_tda.models.model import ModelSpec, Placement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from panic_tda.models.onnx.batches import Arrays


class Session:
    """A network with one output, on its device."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs = frozenset(given.name for given in session.get_inputs())

    def compute(self, arrays: Arrays) -> NDArray[np.float32]:
        """The output for arrays by name; those that the network does not take are left out."""
        feed = {name: array for name, array in arrays.items() if name in self.inputs}
        try:
            return cast("NDArray[np.float32]", self._session.run(None, feed)[0])
        except Exception as fault:  # onnxruntime has no base class for its errors
            if "allocate" in str(fault).lower():
                raise OutOfMemory(str(fault).splitlines()[0]) from fault
            raise

    def close(self) -> None:
        """Frees the weights."""
        del self._session


def open_session(spec: ModelSpec, path: Path, placement: Placement) -> Session:
    """Loads a network; raises ``PrerequisiteError`` or ``ModelLoadError``."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = placement.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    providers = _providers(spec, placement, onnxruntime.get_available_providers())
    try:
        return Session(onnxruntime.InferenceSession(str(path), options, providers=providers))
    except Exception as fault:  # onnxruntime has no base class for its errors
        line = first_line(fault)
        raise ModelLoadError(f"{spec.name}: {path} does not load: {line}") from fault


def _providers(spec: ModelSpec, placement: Placement, available: list[str]) -> list[Any]:
    device = spec.device if placement.device == "auto" else placement.device
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in available:
        raise PrerequisiteError(
            f"{spec.name}: onnxruntime finds no device {device} here",
            hint='set device = "cpu" in the settings, or install onnxruntime-gpu in place of onnxruntime',
        )
    return [("CUDAExecutionProvider", {"device_id": int(number or 0)}), "CPUExecutionProvider"]
