"""When a cron expression is due, also on days when the clock is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from panic_tda.errors import RequestError, first_line

_FIELDS = 5


def next_due(expression: str, after: datetime, zone: tzinfo) -> datetime:
    """The first time later than ``after`` at which the expression is due by the clock of ``zone``, in UTC.

    As Debian's cron has it: a time of day that the clock skips is due once, as soon as it has skipped it; one that the
    clock shows twice is due once, the first time. An expression whose minute or hour begins with a star goes by the
    clock as it is, so it is due again in an hour that comes again. Raises ``RequestError`` for what is no expression,
    or is never due.
    """
    from cronsim import CronSim, CronSimError

    words = expression.split()
    try:
        if len(words) != _FIELDS:
            raise CronSimError("it has five fields: minute, hour, day, month, weekday")
        times = CronSim(" ".join(words), after.astimezone(zone))
        # In an hour that comes again, the clock shows what was due before.
        return next(due for due in (each.astimezone(UTC) for each in times) if due > after)
    except CronSimError as fault:
        raise RequestError(
            f"{expression!r} is no cron expression: {fault}", hint="0 2 * * * is 02:00 every day"
        ) from None
    except (StopIteration, OverflowError):
        raise RequestError(f"{expression!r} is never due", hint="0 2 * * * is 02:00 every day") from None


def zone_of_this_machine() -> tzinfo:
    """The time zone that this machine is set to; raises ``RequestError`` where that cannot be found out."""
    from tzlocal import reload_localzone

    try:
        return reload_localzone()
    except Exception as fault:  # of several libraries, for settings that contradict each other or name no zone
        raise RequestError(
            f"the time zone of this machine is not known: {first_line(fault)}", hint="name one: --finetune-zone"
        ) from fault
