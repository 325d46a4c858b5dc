"""How to have a tuning done every night: a line for cron, or two units for systemd."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from panic_tda.errors import RequestError

_NAME = "panic-tda-finetune"


class Schedule(NamedTuple):
    """A cron line, and the texts of a service and of the timer that starts it."""

    cron: str
    service: str
    timer: str


def nightly(command: Sequence[str], folder: Path, at: str) -> Schedule:
    """Runs a command in a folder each day ``at`` HH:MM, by the machine's clock; raises ``RequestError``.

    The timer makes up for a night in which the machine was off; cron does not.
    """
    hour, minute = _clock(at)
    # A percent sign is a line break to cron, and begins a specifier of systemd.
    line = f"cd {shlex.quote(str(folder))} && {shlex.join(command)}".replace("%", r"\%")
    words = " ".join(_quoted(word) for word in command)
    service = (
        "[Unit]\nDescription=Tune an embedder with panic-tda\n\n"
        f"[Service]\nType=oneshot\nWorkingDirectory={str(folder).replace('%', '%%')}\nExecStart={words}\nNice=19\n"
    )
    timer = (
        "[Unit]\nDescription=Tune an embedder with panic-tda every night\n\n"
        f"[Timer]\nOnCalendar=*-*-* {hour:02}:{minute:02}:00\nPersistent=true\nUnit={_NAME}.service\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )
    return Schedule(f"{minute} {hour} * * * {line}", service, timer)


def _clock(at: str) -> tuple[int, int]:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", at)
    if not found:
        raise RequestError(f"{at!r} is no time of day", hint="HH:MM, for instance 02:00")
    return int(found[1]), int(found[2])


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
