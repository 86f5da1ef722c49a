"""When a channel likes to post: its slots on real days, and which of them are free. Pure reckoning, no database."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from spilno.kernel.errors import UserError
from spilno.kernel.wall_clock import from_wall

AHEAD = timedelta(minutes=5)  # a slot that is nearer than this is not offered any more
HORIZON_DAYS = 120  # how far "the next free slot" looks


@dataclass(frozen=True)
class Rules:
    """A channel's posting schedule with everything it takes from its workspace.

    ``slots``: weekday (Monday is 0) and wall-clock time. ``holidays``: days on which the slots are not offered,
    with the holiday's name.
    """

    channel_id: UUID
    zone: str
    slots: tuple[tuple[int, time], ...] = ()
    min_gap: timedelta = timedelta(0)
    quiet_from: time | None = None
    quiet_to: time | None = None
    closes_up: bool = True
    lead_days: int = 0
    holidays: Mapping[date, str] = field(default_factory=dict)

    def is_quiet(self, moment: datetime) -> bool:
        """Does the moment lie in the quiet hours? They may go over midnight."""
        if self.quiet_from is None or self.quiet_to is None or self.quiet_from == self.quiet_to:
            return False
        clock = moment.astimezone(ZoneInfo(self.zone)).time()
        if self.quiet_from < self.quiet_to:
            return self.quiet_from <= clock < self.quiet_to
        return clock >= self.quiet_from or clock < self.quiet_to


def slots_on(rules: Rules, first: date, after: date) -> Iterator[datetime]:
    """The slots of the days from ``first`` to before ``after``, in UTC, by time.

    Left out are holidays and quiet hours, and a time that a day does not have because its clocks go forward. A time
    that comes twice means the first one.
    """
    by_day: dict[int, list[time]] = {}
    for weekday, at in sorted(rules.slots):
        by_day.setdefault(weekday, []).append(at)
    day = first
    while day < after:
        if day not in rules.holidays:
            for at in by_day.get(day.weekday(), ()):
                moment = _on(day, at, rules.zone)
                if moment is not None and not rules.is_quiet(moment):
                    yield moment
        day += timedelta(days=1)


def _on(day: date, at: time, zone: str) -> datetime | None:
    wall = datetime.combine(day, at)
    try:
        return from_wall(wall, zone)
    except UserError as doubt:
        return None if doubt.code == "time_does_not_exist" else from_wall(wall, zone, side="earlier")


def is_taken(at: datetime, taken: Sequence[datetime], gap: timedelta) -> bool:
    """Does something stand nearer than ``gap`` to the moment? ``taken`` is sorted."""
    # Two posts of the same minute are never wanted, whatever the schedule says.
    gap = max(gap, timedelta(minutes=1))
    place = bisect_left(taken, at)
    return any(abs(one - at) < gap for one in taken[max(0, place - 1) : place + 1])


def free(
    rules: Rules, first: date, after: date, *, taken: Iterable[datetime], not_before: datetime
) -> list[datetime]:
    """The slots of these days that are not over and at which nothing else stands."""
    standing = sorted(taken)
    return [
        one
        for one in slots_on(rules, first, after)
        if one >= not_before and not is_taken(one, standing, rules.min_gap)
    ]


def next_free(rules: Rules, *, taken: Iterable[datetime], not_before: datetime) -> Iterator[datetime]:
    """One free slot after the other, each taken as soon as it is given; ends after :data:`HORIZON_DAYS`."""
    standing = sorted(taken)
    first = not_before.astimezone(ZoneInfo(rules.zone)).date()
    for one in slots_on(rules, first, first + timedelta(days=HORIZON_DAYS)):
        if one >= not_before and not is_taken(one, standing, rules.min_gap):
            insort(standing, one)
            yield one
