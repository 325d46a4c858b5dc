"""How much memory a process takes, now and at its peak: of the machine, or of the GPU."""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from pathlib import Path
from typing import Protocol

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class MemoryUse(Protocol):
    """Bytes that this process takes."""

    def now(self) -> int:
        """At this moment."""
        ...

    def watch(self) -> None:
        """Forgets the peak so far."""
        ...

    def peak(self) -> int:
        """The most since :meth:`watch`."""
        ...


class HostMemory:
    """Resident memory of this process.

    Where the system has no ``/proc`` everything is the peak since the process began: right as long as what is measured
    grows.
    """

    def now(self) -> int:
        """The pages that are in memory."""
        return _status("VmRSS") or _highest()

    def watch(self) -> None:
        """The kernel forgets the peak, where it can."""
        with contextlib.suppress(OSError):
            _FORGET.write_text("5", encoding="ascii")

    def peak(self) -> int:
        """The most pages there were."""
        return _status("VmHWM") or _highest()


class GpuMemory:
    """What torch holds of the GPU, with what its allocator keeps for later; the driver's own share is not in it."""

    def now(self) -> int:
        """Reserved by the allocator."""
        import torch

        return int(torch.cuda.memory_reserved())

    def watch(self) -> None:
        """Gives back what is only kept for later, and forgets the peak."""
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int:
        """The most that was reserved."""
        import torch

        return int(torch.cuda.max_memory_reserved())


def memory_use(device: str) -> MemoryUse:
    """What to watch for a model on that device."""
    return GpuMemory() if device == "cuda" else HostMemory()


def _status(field: str) -> int | None:
    try:
        found = re.search(rf"^{field}:\s*([0-9]+) kB$", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _highest() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
