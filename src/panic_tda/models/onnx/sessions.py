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


_CPU = "CPUExecutionProvider"
_SLOWER_FUSED = ["SkipLayerNormFusion", "BiasGeluFusion"]
"""What onnxruntime would join into nodes that take longer on a CPU than their parts do."""


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


def open_session(spec: ModelSpec, path: Path, placement: Placement, *, weights: Path | None = None) -> Session:
    """Loads a network; raises ``PrerequisiteError`` or ``ModelLoadError``.

    ``weights`` is the folder that the places of weights in the network refer to, where that is not the network's own.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = placement.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if weights is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(weights))
    providers = _providers(spec, placement, onnxruntime.get_available_providers())
    slower = _SLOWER_FUSED if providers == [_CPU] else []
    try:
        network = path.read_bytes() if weights is not None else str(path)
        return Session(onnxruntime.InferenceSession(network, options, providers=providers, disabled_optimizers=slower))
    except Exception as fault:  # onnxruntime has no base class for its errors
        line = first_line(fault)
        raise ModelLoadError(f"{spec.name}: {path} does not load: {line}") from fault


def _providers(spec: ModelSpec, placement: Placement, available: list[str]) -> list[Any]:
    device = spec.device if placement.device == "auto" else placement.device
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return [_CPU]
    if "CUDAExecutionProvider" not in available:
        raise PrerequisiteError(
            f"{spec.name}: onnxruntime finds no device {device} here",
            hint='set device = "cpu" in the settings, or install onnxruntime-gpu in place of onnxruntime',
        )
    return [("CUDAExecutionProvider", {"device_id": int(number or 0)}), _CPU]
