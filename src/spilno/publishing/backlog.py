"""Who is next? What is due, as it was read a moment ago, and whose turn it is.

Reading what is due looks at everything that is due; so it is done rarely, and what was read is worked off from memory.
It is only a suggestion: every delivery is read anew before anything is decided, and a claim alone makes it ours.

Turns go round the workspaces, and within one round its channels, so that nobody's five thousand posts delay another's
one. A channel sends one post after the other, as its followers should see them; looking something up, or preparing
what is for later, does not hold that up. What hangs takes neither a turn nor a place from others: a request that takes
longer than :data:`PATIENCE` is not counted any more, except against its own server.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState

S = DeliveryState

AHEAD = timedelta(seconds=1)
"""What falls due within this time is read along and waits in memory for its moment."""

OF_A_CHANNEL = 32
"""So many of a channel are read at once."""

MOST_READ = 2000

PATIENCE = timedelta(seconds=3)
"""What takes longer hangs. A channel whose post hangs goes on with another; also beside the worker that has it."""

BLOCKED = timedelta(milliseconds=200)
"""What is due and cannot move (its predecessor is still on its way) is looked at again so soon."""

AT_ONCE = 64
"""Requests under way at the same time, without those that hang."""

OF_A_WORKSPACE = 48
"""There is always a place left for somebody else."""

OF_A_SERVER = 32
SLOW_SERVER = 4
"""So many requests may be under way to one server, and to one that lets us wait."""

BESIDE = 3
"""So many posts of one channel may hang before it stands still."""

# What a channel does one after the other, each kind for itself.
LEAVING, ASKING, PREPARING = "leaving", "asking", "preparing"


@dataclass(frozen=True)
class Due:
    """A delivery that wants to be looked at. ``second``: in which it shall be out; ``server``: whom it speaks to."""

    pk: UUID
    workspace: UUID
    channel: UUID
    server: tuple[str, str]
    state: str
    second: datetime
    at: datetime

    def lane(self, now: datetime) -> str:
        """What is in its way: what of the same channel does the same."""
        if self.state in (S.UNCERTAIN, S.REMINDED):
            return ASKING
        return LEAVING if self.state == S.PREPARED or self.second <= now else PREPARING


@dataclass(frozen=True)
class Flight:
    """Something under way, since when."""

    due: Due
    lane: str
    began: datetime


# What a dead worker left comes first (it only has to be seen), then what leaves, then what is prepared for later.
# Position and turn are asked for row by row and not joined: a join over a great many due rows would read all variants
# that there ever were.
_READ = """
SELECT d.id, d.workspace_id, d.channel_id, c.network, c.server, d.state, d.second, d.next_try_at
FROM (
  SELECT p.*, row_number() OVER (PARTITION BY p.workspace_id ORDER BY p.place, p.next_try_at) AS turn
  FROM (
    SELECT o.*, row_number() OVER (
        PARTITION BY o.channel_id ORDER BY o.rank, o.second, o.position, o.id) AS place
    FROM (
      SELECT d.id, d.workspace_id, d.channel_id, d.state, d.next_try_at, date_trunc('second', d.due_at) AS second,
        (SELECT v.position FROM plan_variant v WHERE v.id = d.variant_id) AS position,
        CASE WHEN d.state IN ('committing', 'preparing') THEN 0
             WHEN d.state = 'prepared' OR d.due_at <= %(now)s THEN 1 ELSE 2 END AS rank
      FROM publishing_delivery d
      WHERE d.next_try_at <= %(until)s AND (d.lease_until IS NULL OR d.lease_until <= %(now)s)
        AND (%(channel)s::uuid IS NULL OR d.channel_id = %(channel)s)
    ) o
  ) p
  WHERE p.place <= %(of_a_channel)s
) d JOIN channels_channel c ON c.id = d.channel_id
ORDER BY d.turn, d.next_try_at LIMIT %(most)s
"""


def read(*, now: datetime, until: datetime | None = None, channel_id: UUID | None = None) -> list[Due]:
    """What nobody holds and somebody has to look at until ``until`` (by default now), in the order of turns.

    Of each channel at most :data:`OF_A_CHANNEL`, in all :data:`MOST_READ`.
    """
    params: dict[str, Any] = {
        "now": now, "until": until or now, "channel": channel_id, "of_a_channel": OF_A_CHANNEL, "most": MOST_READ,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_READ, params)
        return [
            Due(pk, workspace, channel, (network, server), state, second, at)
            for pk, workspace, channel, network, server, state, second, at in cursor.fetchall()
        ]


def next_after(moment: datetime) -> datetime | None:
    """When the first delivery after ``moment`` wants to be looked at."""
    found = Delivery.objects.filter(next_try_at__gt=moment).order_by("next_try_at")
    return found.values_list("next_try_at", flat=True).first()


class Backlog:
    """What was read, what of it is under way, and who is next."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, list[Due]] = {}  # by channel, in the order in which they shall leave
        self._flights: dict[UUID, Flight] = {}
        self._rest: dict[UUID, datetime] = {}  # deliveries not to be tried before
        self._standing: dict[tuple[UUID, datetime], datetime] = {}  # channel and second: until when
        self._heads: dict[
            UUID, tuple[UUID, str, float]
        ] = {}  # others' channels: the first, and since when it stands
        self._served: dict[UUID, int] = {}  # channels and workspaces: when they had their last turn
        self._turn = 0
        self.cut = False

    # -------------------------------------------------------------------------------------------- what there is

    def fill(self, rows: Collection[Due], *, now: datetime) -> None:
        """Replace what waits by what was read just now. What is under way stays."""
        waiting: dict[UUID, list[Due]] = {}
        for one in rows:
            if one.pk not in self._flights:
                waiting.setdefault(one.channel, []).append(one)
        self._waiting = waiting
        self.cut = len(rows) >= MOST_READ or any(len(one) >= OF_A_CHANNEL for one in waiting.values())
        self._rest = {key: until for key, until in self._rest.items() if until > now}
        self._standing = {key: until for key, until in self._standing.items() if until > now}
        here = {*waiting, *(one.workspace for one in rows)}
        self._served = {key: turn for key, turn in self._served.items() if key in here}
        beat = time.monotonic()
        self._heads = {
            channel: head if (head := self._heads.get(channel)) and head[:2] == (first.pk, first.state) else
            (first.pk, first.state, beat)
            for channel, (first, *_) in waiting.items()
        }  # fmt: skip

    def add(self, due: Due) -> None:
        """One that goes on at once: before the others of its second."""
        rows = self._waiting.setdefault(due.channel, [])
        rows.insert(next((at for at, one in enumerate(rows) if one.second >= due.second), len(rows)), due)

    def __len__(self) -> int:
        return sum(len(one) for one in self._waiting.values())

    @property
    def channels(self) -> Collection[UUID]:
        """Those in which something waits."""
        return self._waiting.keys()

    @property
    def flights(self) -> Collection[Flight]:
        return self._flights.values()

    def stands(self, channel: UUID) -> bool:
        """Has the first of this channel not moved for longer than patience allows?"""
        head = self._heads.get(channel)
        return head is not None and time.monotonic() - head[2] > PATIENCE.total_seconds()

    def next_at(self, *, now: datetime) -> datetime | None:
        """When the moment of something comes that waits in memory; what could be tried already is not counted."""
        moments = (one.at for rows in self._waiting.values() for one in rows)
        later = [one for one in (*moments, *self._rest.values(), *self._standing.values()) if one > now]
        return min(later, default=None)

    # -------------------------------------------------------------------------------------------- whose turn it is

    def take(self, *, now: datetime, most: int, passed: Collection[UUID] = ()) -> list[Due]:
        """Up to ``most`` deliveries that may be looked at at once. They count as under way until :meth:`landed`.

        :param passed: channels that are left to others.
        """
        counts = _Counts(self._flights.values(), now)
        taken: list[Due] = []
        for channel in self._turns(passed, counts):
            if len(taken) >= most or counts.full:
                break
            rows = self._waiting[channel]
            for lane in counts.free_lanes(channel):
                one = next((one for one in rows if self._may(one, lane, now, counts)), None)
                if one is not None:
                    rows.remove(one)
                    flight = Flight(one, lane, now)
                    self._flights[one.pk] = flight
                    counts.count(flight, now)
                    taken.append(one)
                    self._turn += 1
                    self._served[channel] = self._served[one.workspace] = self._turn
        self._waiting = {channel: rows for channel, rows in self._waiting.items() if rows}
        return taken

    def _turns(self, passed: Collection[UUID], counts: _Counts) -> Iterator[UUID]:
        """Channels, one of each workspace in turn; who had none for longest comes first."""
        by_workspace: dict[UUID, list[UUID]] = defaultdict(list)
        for channel, rows in self._waiting.items():
            if channel not in passed:
                by_workspace[rows[0].workspace].append(channel)

        def before(key: UUID) -> int:
            return self._served.get(key, 0)

        circle = deque(
            deque(sorted(by_workspace[one], key=before))
            for one in sorted(by_workspace, key=lambda key: (counts.of_workspace[key], before(key)))
        )
        while circle:
            channels = circle.popleft()
            yield channels.popleft()
            if channels:
                circle.append(channels)

    def _may(self, one: Due, lane: str, now: datetime, counts: _Counts) -> bool:
        if one.at > now or one.lane(now) != lane or self._rest.get(one.pk, now) > now:
            return False
        if one.state == S.PREPARED and self._standing.get((one.channel, one.second), now) > now:
            return False
        return counts.room_for(one, lane)

    def airborne(self, pk: UUID, now: datetime) -> None:
        """Its request leaves now."""
        flight = self._flights[pk]
        self._flights[pk] = Flight(flight.due, flight.lane, now)

    def landed(self, pk: UUID) -> Due:
        """It is not under way any more."""
        return self._flights.pop(pk).due

    def refused(self, pk: UUID, *, now: datetime) -> None:
        """Somebody else has it, or another has to leave before it. Then what is prepared for the same second waits
        too, and only that is passed over: what it waits for is perhaps a dead worker's, and further down the list.
        """
        one = self.landed(pk)
        self._rest[pk] = now + BLOCKED
        if one.state == S.PREPARED:
            self._standing[one.channel, one.second] = now + BLOCKED
        self._waiting.setdefault(one.channel, []).append(one)

    def rest(self, pk: UUID, *, until: datetime) -> None:
        """Something is wrong with it: not before ``until``, and without holding up others."""
        self.landed(pk)
        self._rest[pk] = until


class _Counts:
    """What is under way, by what it takes away from others."""

    def __init__(self, flights: Iterable[Flight], now: datetime) -> None:
        self.quick = 0
        self.of_workspace: Counter[UUID] = Counter()
        self.of_server: Counter[tuple[tuple[str, str], str]] = Counter()
        self.slow: set[tuple[tuple[str, str], str]] = set()
        self.quick_lanes: set[tuple[UUID, str]] = set()
        self.lanes: Counter[tuple[UUID, str]] = Counter()
        for one in flights:
            self.count(one, now)

    def count(self, one: Flight, now: datetime) -> None:
        due = one.due
        self.lanes[due.channel, one.lane] += 1
        self.of_server[due.server, one.lane] += 1
        if now - one.began > PATIENCE:
            self.slow.add((due.server, one.lane))
            return
        self.quick += 1
        self.of_workspace[due.workspace] += 1
        self.quick_lanes.add((due.channel, one.lane))

    @property
    def full(self) -> bool:
        return self.quick >= AT_ONCE

    def free_lanes(self, channel: UUID) -> list[str]:
        return [
            lane
            for lane in (LEAVING, ASKING, PREPARING)
            if (channel, lane) not in self.quick_lanes and self.lanes[channel, lane] < BESIDE
        ]

    def room_for(self, one: Due, lane: str) -> bool:
        to = (one.server, lane)
        if self.full or self.of_workspace[one.workspace] >= OF_A_WORKSPACE:
            return False
        return self.of_server[to] < (SLOW_SERVER if to in self.slow else OF_A_SERVER)
