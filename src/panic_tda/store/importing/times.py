"""Datetimes of earlier implementations, as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from panic_tda.errors import RequestError
from panic_tda.store.importing.tally import Refusal, shown

_FORM = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?")


def time_zone(name: str, *, option: str = "--timezone") -> tzinfo:
    """The zone of that name (``UTC``, ``Australia/Sydney``); raises ``RequestError`` when there is none."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as fault:
        raise RequestError(
            f"{option}: there is no time zone {name!r}", hint="use a name like Australia/Sydney or UTC"
        ) from fault


def moment(value: object, zone: tzinfo, what: str) -> datetime:
    """An aware datetime; one without a zone was the clock of ``zone``.

    Of an hour that the clock showed twice the first is meant.
    """
    if not isinstance(value, str) or not _FORM.fullmatch(value):
        raise Refusal(f"{what} is missing" if value is None else f"{what} {shown(value)!r} is no date and time")
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise Refusal(f"{what} {shown(value)!r} is no date and time: {fault}") from fault


def moment_if_any(value: object, zone: tzinfo, what: str) -> datetime | None:
    """The same, or None where there is none."""
    return None if value is None else moment(value, zone, what)
