"""UUIDv7 identifiers: unique without coordination, and sorted by the time they were made (RFC 9562)."""

from __future__ import annotations

import os
import threading
import time
import uuid

_RANDOM_BITS = 74
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A fresh UUIDv7 as dashed lower-case text: 48 bits of milliseconds, then 74 random bits.

    Within one process ids only grow: those of one millisecond count on from each other in random steps.
    """
    global _last
    noise = int.from_bytes(os.urandom(10), "big")
    fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | noise >> (80 - _RANDOM_BITS)
    with _lock:
        _last = fresh if fresh >> _RANDOM_BITS > _last >> _RANDOM_BITS else _last + 1 + (noise & 0xFFFF_FFFF)
        value = _last
    high, low = value >> 62, value & (1 << 62) - 1
    milliseconds, middle = high >> 12, high & 0xFFF
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | middle << 64 | 0b10 << 62 | low))
