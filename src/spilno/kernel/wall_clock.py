"""Between what a clock on the wall says and the moment it means.

Twice a year a wall clock lies: an hour that does not exist, an hour that comes twice. Such a time is asked about,
never guessed: :class:`DoubtfulTime` carries both moments it could mean, and whoever asked answers with ``side``.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from spilno.kernel.errors import UserError

EARLIER, LATER = "earlier", "later"
SIDES = (EARLIER, LATER)


class DoubtfulTime(UserError):
    """A wall-clock time that daylight saving skips (``time_does_not_exist``) or brings twice (``time_is_ambiguous``).

    ``moments``: what it could mean, the earlier one first, in UTC. For a skipped 03:30 these are 02:30 and 04:30.
    """

    def __init__(self, code: str, *, wall: datetime, zone: str, moments: tuple[datetime, datetime]) -> None:
        super().__init__(code, time=f"{wall:%H:%M}", day=wall.date().isoformat())
        self.wall, self.zone, self.moments = wall, zone, moments


def from_wall(wall: datetime, zone: str, *, side: str = "") -> datetime:
    """What somebody typed as local time, as UTC. An aware value is converted as it is.

    :param side: ``"earlier"`` or ``"later"``, the answer to a doubt; anything else is no answer.
    :raises DoubtfulTime: for an hour skipped by daylight saving and for one that comes twice.
    """
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    zone_info = ZoneInfo(zone)
    first, second = (wall.replace(tzinfo=zone_info, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    # Before a gap the first reading lies behind it and the second before it; in a doubled hour it is the other way.
    code = "time_does_not_exist" if first > second else "time_is_ambiguous"
    moments = (min(first, second), max(first, second))
    if side in SIDES:
        return moments[SIDES.index(side)]
    raise DoubtfulTime(code, wall=wall, zone=zone, moments=moments)


def read(text: str, zone: str, *, side: str = "", bare_day: time = time(12)) -> datetime:
    """A time as browsers and files write it (``2026-11-22T18:00``, or a bare day), as UTC.

    :raises ValueError: if it is none, or lies outside the years that can be reckoned with.
    :raises DoubtfulTime: see :func:`from_wall`.
    """
    text = text.strip()
    try:
        wall = (
            datetime.combine(datetime.fromisoformat(text), bare_day)
            if len(text) == 10
            else datetime.fromisoformat(text)
        )
        return from_wall(wall, zone, side=side)
    except OverflowError as error:
        raise ValueError(text) from error


def shown(moment: datetime | None, zone: str) -> str:
    """A moment as the wall clock of a zone says it, to the minute; nothing gives ``""``."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}" if moment else ""


def moved_days(moment: datetime, days: int, zone: str, *, side: str = "") -> datetime:
    """The same wall-clock time so many days later (or earlier, if negative).

    :raises DoubtfulTime: if that day's clock does not have it exactly once.
    """
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) + timedelta(days=days)
    return from_wall(wall, zone, side=side)


def offset_minutes(moment: datetime, zone: str, other: str) -> int:
    """By how many minutes the clocks of ``other`` are ahead of those of ``zone`` at that moment."""
    here, there = (moment.astimezone(ZoneInfo(one)).utcoffset() or timedelta() for one in (zone, other))
    return round((there - here).total_seconds() / 60)
