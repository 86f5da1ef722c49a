"""The only place that reads the clock. Interfaces and jobs call :func:`now` and hand the value down."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from spilno.kernel.wall_clock import from_wall

__all__ = ["day_start", "from_wall", "local_day", "now"]


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day of a moment in a time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def day_start(day: date, zone: str) -> datetime:
    """First moment of a calendar day in a time zone, as UTC."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)
