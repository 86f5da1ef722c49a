"""The only place that reads the clock. Interfaces and jobs call :func:`now` and hand the value down."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from spilno.kernel.errors import UserError


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day of a moment in a time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def day_start(day: date, zone: str) -> datetime:
    """First moment of a calendar day in a time zone, as UTC."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def from_wall(wall: datetime, zone: str) -> datetime:
    """What somebody typed as local time, as UTC.

    :raises UserError: ``time_does_not_exist`` for an hour skipped by daylight saving and ``time_is_ambiguous`` for
        one that comes twice: such a time is asked about, never guessed. An aware value is converted as it is.
    """
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    zone_info = ZoneInfo(zone)
    first = wall.replace(tzinfo=zone_info, fold=0)
    second = wall.replace(tzinfo=zone_info, fold=1)
    if first.astimezone(UTC).astimezone(zone_info).replace(tzinfo=None) != wall:
        raise UserError("time_does_not_exist", time=wall.strftime("%H:%M"), day=wall.date().isoformat())
    if first.utcoffset() != second.utcoffset():
        raise UserError("time_is_ambiguous", time=wall.strftime("%H:%M"), day=wall.date().isoformat())
    return first.astimezone(UTC)
