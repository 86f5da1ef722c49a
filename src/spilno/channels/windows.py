"""Arithmetic of limits on how often, without a database: windows, and sharing what is left.

A network allows so many uses in *any* span of so many seconds, so a counter that starts anew every full hour would
let twice as many through around the hour. Here the span is cut into :data:`PARTS`; uses are counted by parts, and all
parts that the last span touches count in full. That never lets too many through, and gives room back at most a
twelfth of the span late.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

PARTS = 12
NEVER = timedelta(hours=1)
"""When a limit of nothing at all is looked at again."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Window:
    """Uses of one limit: ``used`` by parts, the oldest first, the last one being number ``part`` since 1970."""

    used: tuple[int, ...] = ()
    part: int = 0

    @property
    def total(self) -> int:
        return sum(self.used)

    def at(self, now: datetime, seconds: int) -> Window:
        """The same window as seen now: what is older than the span is gone."""
        part = _part(now, seconds)
        if (
            self.part > part + PARTS + 1
        ):  # the span was declared anew, and parts with it: all counts as used just now
            return Window((self.total,) if self.total else (), part)
        ahead = max(0, part - self.part)  # a clock behind others' counts into their newest part
        if ahead > PARTS:
            return Window((), part)
        used = (*self.used, *([0] * ahead))[-(PARTS + 1) :]
        return Window(used if any(used) else (), max(part, self.part))

    def plus(self, uses: int) -> Window:
        """With so many more uses in the newest part. May be negative: what was reserved and not used."""
        used = self.used or (0,)
        return Window((*used[:-1], max(0, used[-1] + uses)), self.part)

    def room_at(self, now: datetime, *, allowed: int, seconds: int, wanted: int = 1) -> datetime:
        """When ``wanted`` uses (at most all that are allowed) will be possible. Call it on ``at(now)``."""
        if allowed < 1:
            return now + NEVER
        too_many = self.total + min(wanted, allowed) - allowed
        if too_many <= 0:
            return now
        oldest = self.part - len(self.used) + 1
        for place, uses in enumerate(self.used):
            too_many -= uses
            if too_many <= 0:
                return max(now, _start(oldest + place + PARTS + 1, seconds))
        return max(now, _start(self.part + PARTS + 1, seconds))


def _part(now: datetime, seconds: int) -> int:
    return (now - _EPOCH) // timedelta(microseconds=1) * PARTS // (seconds * 1_000_000)


def _start(part: int, seconds: int) -> datetime:
    """First moment of a part (rounded up to the microsecond)."""
    return _EPOCH + timedelta(microseconds=-(-part * seconds * 1_000_000 // PARTS))


@dataclass(frozen=True)
class Want:
    """Somebody who wants a share. ``group``: whom they belong to (a workspace); ``had``: turns they had already."""

    group: Hashable
    due: datetime
    count: int
    had: int = 0


def shares(left: int, wants: Sequence[tuple[K, Want]]) -> dict[K, int]:
    """Divide what is left: everybody gets one in turn, groups alternate, and who is due earlier comes first.

    Nobody takes everything while somebody else waits; nothing is left over while somebody wants it.
    """
    if sum(one.count for _, one in wants) <= left:
        return {key: one.count for key, one in wants}
    in_group: dict[Hashable, list[tuple[int, datetime, int]]] = defaultdict(list)
    had: dict[Hashable, int] = defaultdict(int)
    for place, (_, want) in enumerate(wants):
        # Further ones of one asker than there are left at all can never get a turn.
        most = min(want.count, max(0, left))
        in_group[want.group] += [(want.had + turn, want.due, place) for turn in range(most)]
        had[want.group] += want.had
    turns: list[tuple[int, datetime, int]] = []
    for group, units in in_group.items():
        units.sort()
        turns += [(place, due, asker) for place, (_, due, asker) in enumerate(units, had[group])]
    turns.sort()
    given = {key: 0 for key, _ in wants}
    for _, _, asker in turns[: max(0, left)]:
        given[wants[asker][0]] += 1
    return given
