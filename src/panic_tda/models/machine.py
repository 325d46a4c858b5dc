"""What this machine is: its processor, its memory and its GPUs, found without importing torch."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

_CPU_NAMES = Path("/proc/cpuinfo")
_SECONDS = 20


class Gpu(NamedTuple):
    """A GPU: its name, and its memory in bytes."""

    name: str
    memory_bytes: int


@cache
def host() -> str:
    """The machine in words, the same for machines that are equal: processor, cores and memory."""
    return f"{_processor()}, {os.cpu_count() or 1} cores, {host_memory() / 2**30:.0f} GiB"


def host_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def place_of(device: str) -> str:
    """The machine in words, with its GPU for a model that computes there."""
    found = gpus() if device == "cuda" else ()
    return f"{host()}, {found[0].name}" if found else host()


def device_memory(device: str) -> int:
    """Bytes of memory of a device: of the smallest GPU for ``cuda``, else of the machine, which Apple's GPUs share."""
    found = gpus() if device == "cuda" else ()
    return min(gpu.memory_bytes for gpu in found) if found else host_memory()


def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs, as their driver's own tool tells; none where there is no such tool."""
    tool = shutil.which("nvidia-smi")
    return _told_by(tool) if tool else ()


@cache
def _told_by(tool: str) -> tuple[Gpu, ...]:
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    lines = re.findall(r"^(.+), *([0-9]+)$", told, re.MULTILINE)
    return tuple(Gpu(name.strip(), int(mebibytes) * 2**20) for name, mebibytes in lines)


def _processor() -> str:
    try:
        named = re.search(r"^model name\s*: *(.+)$", _CPU_NAMES.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()
