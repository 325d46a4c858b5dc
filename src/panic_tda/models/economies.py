"""Ways for a model to take less of a GPU's memory: parts that are there only while they work, and weights of 4 bits.

A catalogue entry whose options name ``offload`` or ``quantisation`` can do it; the value there is the default, and
``panic-tda model add NAME --option offload=model`` chooses another one on this machine. Neither exists on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping

from panic_tda.errors import ConfigurationError, PrerequisiteError
from panic_tda.models.model import ModelSpec, Options, ParameterValue

CHOICES: Mapping[str, tuple[str, ...]] = {
    "offload": ("none", "model", "sequential", "auto"),
    "quantisation": ("none", "4bit"),
}
"""``auto`` is sequential on a GPU smaller than the entry's ``offload_below_gb``, else none."""

# Estimates. Of four bits, something is left for scales and for layers that stay as they are; one large part of a
# pipeline is there at a time; of single layers little is.
_BYTES_4BIT, _MODEL, _SEQUENTIAL = 0.6, 0.6, 0.1


def with_economies(spec: ModelSpec, chosen: Mapping[str, ParameterValue]) -> Options:
    """The entry's options with those chosen on this machine; raises ``ConfigurationError``."""
    known = dict(spec.options)
    possible = [name for name in CHOICES if name in known]
    for name, value in chosen.items():
        if name not in possible:
            hint = f"it has: {', '.join(possible)}" if possible else "it has none to choose"
            raise ConfigurationError([f"{spec.name} has no option {name!r}"], hint=hint)
        if value not in CHOICES[name]:
            raise ConfigurationError([f"{spec.name}: {name} must be one of {', '.join(CHOICES[name])}, not {value!r}"])
    return tuple((known | dict(chosen)).items())


def offload_of(spec: ModelSpec, device_bytes: int) -> str:
    """``none``, ``model`` or ``sequential``, on a device of that many bytes."""
    chosen = str(spec.option("offload", "none"))
    if chosen != "auto":
        return chosen
    small = device_bytes < int(spec.option("offload_below_gb", 0)) * 10**9
    return "sequential" if spec.device == "cuda" and small else "none"


def is_quantised(spec: ModelSpec) -> bool:
    """Whether the weights are to have four bits."""
    return spec.option("quantisation") == "4bit"


def require_gpu(spec: ModelSpec, device: str, offload: str = "none") -> None:
    """Raises ``PrerequisiteError`` when an economy was chosen that this device does not have."""
    wanted = {"offload": offload, "quantisation": "4bit" if is_quantised(spec) else "none"}
    for name, value in wanted.items():
        if value != "none" and not device.startswith("cuda"):
            raise PrerequisiteError(
                f"{spec.name}: {name}={value} needs an NVIDIA GPU, and the device here is {device}",
                hint=f"panic-tda model add {spec.name} --option {name}=none",
            )


def saved(spec: ModelSpec, memory_bytes: int, bytes_per_number: int, device_bytes: int) -> int:
    """About what remains of a model's memory on the GPU with its economies."""
    share = _BYTES_4BIT / bytes_per_number if is_quantised(spec) else 1.0
    share *= {"none": 1.0, "model": _MODEL, "sequential": _SEQUENTIAL}[offload_of(spec, device_bytes)]
    return int(memory_bytes * share)
