"""The executor that runs models on a Ray cluster."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from panic_tda.errors import ConfigurationError, PrerequisiteError
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.pool.executor import PoolExecutor
from panic_tda.runtime.pool.limits import PoolLimits
from panic_tda.runtime.pool.placing import Accelerator
from panic_tda.runtime.pool.slot import PoolWorker
from panic_tda.runtime.ray_cluster.actor import ActorWorker


class RayExecutor(PoolExecutor):
    """A pool whose workers are actors; Ray places them where CPUs and GPUs are free, and moves what they exchange.

    The cluster is the one that ``RAY_ADDRESS`` names, the one this process is connected to already, or else one of its
    own on this machine. panic-tda must be installed on every node. A call that is repeated because an actor died gives
    the same outputs, and the record's unique keys refuse to take anything twice.
    """

    def __init__(self, *, size: int = 0, threads: int = 1, limits: PoolLimits | None = None) -> None:
        """``size`` actors of ``threads`` CPUs each (0: as many as the cluster's CPUs allow, half of them)."""
        self._ours = _connect()
        import ray

        there = ray.cluster_resources()
        cpus, gpus = int(there.get("CPU", 0)), int(there.get("GPU", 0))
        count = size or max(1, cpus // threads // 2)
        if count * threads > cpus:
            raise ConfigurationError(
                [f"{count} workers of {threads} CPUs are more than the cluster's {cpus} CPUs"],
                hint="ask for fewer with --workers, or start more nodes",
            )
        self._gpus = gpus
        starts = [_place(f"ray-{number}", threads, 1.0 if number < gpus else 0.0) for number in range(count)]
        accelerators = [Accelerator.OWN if number < gpus else Accelerator.NONE for number in range(count)]
        limits = limits or PoolLimits()
        budget = limits.memory_budget or int(there.get("memory", 0))
        super().__init__("ray", starts, replace(limits, memory_budget=budget), accelerators=accelerators)

    def check(self, spec: ModelSpec) -> None:
        """Raises ``PrerequisiteError``, too, when the model needs a GPU and the cluster has none."""
        super().check(spec)
        if spec.needs_accelerator and not self._gpus:
            raise PrerequisiteError(
                f"{spec.name} was planned for {spec.device}, and the cluster has no GPU",
                hint='set device = "cpu" in the settings, or add a node with a GPU',
            )

    def close(self) -> None:
        """Also leaves the cluster if this executor started it."""
        super().close()
        if self._ours:
            import ray

            ray.shutdown()
            self._ours = False


def _place(name: str, threads: int, gpus: float) -> Callable[[Callable[[], None]], PoolWorker]:
    return lambda _: ActorWorker(name, threads, gpus)


def _connect() -> bool:
    """Whether a connection had to be made."""
    if find_spec("ray") is None:
        raise PrerequisiteError("the Python package ray is not installed", hint="pip install 'panic-tda[ray]'")
    import ray

    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"configure_logging": False, "log_to_driver": False}
    if not os.environ.get("RAY_ADDRESS"):
        options |= {"include_dashboard": False, "num_cpus": max(4, os.cpu_count() or 1)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of changes to come in Ray itself
        try:
            ray.init(**options)
        except (ConnectionError, RuntimeError, TimeoutError) as fault:
            address = os.environ.get("RAY_ADDRESS", "this machine")
            raise PrerequisiteError(
                f"no Ray cluster at {address}: {str(fault).splitlines()[0]}", hint="ray status; unset RAY_ADDRESS"
            ) from None
    return True
