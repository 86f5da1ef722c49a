"""Rows of limits (``RateUse``): read and locked together, changed in memory, written together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from spilno.channels.scopes import Scope
from spilno.channels.windows import Want, Window
from spilno.kernel.ids import new_id
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Counts, Per, Quota, RatePolicy

TOLD_TO_WAIT = "told_to_wait"
"""Key of the row that keeps what an answer said: nothing before then."""

QUEUED_FOR = timedelta(minutes=2)
"""Who was refused and does not come back so long after it could has no turn any more."""

MOST_QUEUED = 200

IN_FLIGHT = timedelta(minutes=2)
"""A request that was permitted so long ago has arrived, and the network's own count has it."""

USUAL_SPAN = 60
"""Seconds after which a limit counts as whole again if nobody said when."""

Key = tuple[str, str, str, str]
"""Network, scope, scope's id, key of the limit."""


@dataclass
class WantedRows:
    """Which rows concern a batch: the declared ones, and whatever else networks told about these scopes."""

    scopes: set[tuple[str, str, str]] = field(default_factory=set)
    declared: dict[Key, RatePolicy] = field(default_factory=dict)
    told: dict[Key, Counts] = field(default_factory=dict)

    def also(self, network: str, per: Per, scope_id: str, key: str, counts: Counts) -> None:
        """A row that a network told of."""
        self.scopes.add((network, per, scope_id))
        self.told.setdefault((network, per, scope_id, key), counts)

    def __bool__(self) -> bool:
        return bool(self.declared or self.told)


def wanted_rows(scopes: Iterable[Scope]) -> WantedRows:
    """All rows that concern these channels."""
    found = WantedRows()
    networks = registry.all_networks()
    for scope in scopes:
        net = networks.get(scope.network)
        for per in Per:
            found.scopes.add((scope.network, per, scope.id_of(per)))
        for policy in net.rates if net else ():
            found.declared[scope.network, policy.per, scope.id_of(policy.per), policy.key] = policy
    return found


@dataclass
class Rate:
    """A limit's row in memory."""

    pk: UUID
    network: str
    scope: str
    scope_id: str
    key: str
    counts: str
    window: Window
    allowed: int | None
    left: int | None
    resets_at: datetime | None
    granted_at: datetime | None
    closed_until: datetime | None
    queue: dict[str, list[Any]]
    policy: RatePolicy | None = None
    changed: bool = False

    @property
    def most(self) -> int:
        """How much there can be at all."""
        if self.policy is None:
            return self.allowed if self.allowed is not None else 1
        return self.policy.allowed if self.allowed is None else self.allowed

    def room(self, now: datetime) -> int:
        """How many uses are possible now."""
        if self.closed_until is not None and now < self.closed_until:
            return 0
        room = 1_000_000
        if self.policy is not None:
            room = self.most - self.window.total
        if self.left is not None and (self.resets_at is None or now < self.resets_at):
            room = min(room, self.left)
        return max(0, room)

    def taken(self, now: datetime) -> int:
        """How many uses there were within the span, by our count and by the network's."""
        known = self.left is not None and (self.resets_at is None or now < self.resets_at)
        return max(self.window.total, self.most - (self.left or 0) if known else 0)

    def room_at(self, now: datetime, *, wanted: int) -> datetime:
        """When ``wanted`` uses will be possible, as far as one can tell."""
        at = now
        if self.policy is not None:
            at = self.window.room_at(now, allowed=self.most, seconds=self.policy.seconds, wanted=wanted)
        if self.closed_until is not None:
            at = max(at, self.closed_until)
        if (
            self.left is not None
            and self.left < wanted
            and self.resets_at is not None
            and now < self.resets_at
        ):
            at = max(at, self.resets_at)
        return at if at > now else now + timedelta(seconds=1)

    def take(self, uses: int, now: datetime, *, told: bool = True) -> None:
        """Count uses. ``told``: what the network said is left does not know of them yet."""
        if self.policy is not None:
            self.window = self.window.at(now, self.policy.seconds).plus(uses)
        if told:
            if self.left is not None:
                self.left = max(0, self.left - uses)
            self.granted_at = now
        self.changed = True

    def told(self, quota: Quota, now: datetime) -> None:
        """What the network says counts, as far as it can know what is still on its way."""
        until = now + timedelta(seconds=min(max(quota.seconds or 0, 0), 86400 * 2) or self._span)
        fresh = (
            self.left is None
            or (self.resets_at is not None and now >= self.resets_at)
            or self.granted_at is None
            or now - self.granted_at > IN_FLIGHT
        )
        left = max(0, quota.left)
        if fresh:
            self.left, self.resets_at = left, until
        else:
            assert self.left is not None
            self.left = min(self.left, left)
            if left == 0:
                self.resets_at = until
        if quota.limit is not None and quota.limit > 0:
            self.allowed = quota.limit
        self.changed = True

    @property
    def _span(self) -> int:
        return self.policy.seconds if self.policy is not None else USUAL_SPAN

    def close(self, until: datetime) -> None:
        """Nothing before then."""
        self.closed_until = until if self.closed_until is None else max(self.closed_until, until)
        self.changed = True

    # Whoever a shared limit refused keeps a turn, so that others do not take what comes free meanwhile.

    def queued(self, now: datetime) -> dict[UUID, Want]:
        """Who waits for a turn."""
        found = {}
        for channel, (workspace, due, count, until, had) in list(self.queue.items()):
            if datetime.fromisoformat(until) < now:
                del self.queue[channel]
                self.changed = True
            else:
                found[UUID(channel)] = Want(UUID(workspace), datetime.fromisoformat(due), count, had)
        return found

    def enqueue(self, channel_id: UUID, want: Want, now: datetime) -> None:
        """Remember who was refused."""
        if len(self.queue) < MOST_QUEUED or str(channel_id) in self.queue:
            until = self.room_at(now, wanted=1) + QUEUED_FOR
            self.queue[str(channel_id)] = [
                str(want.group), want.due.isoformat(), want.count, until.isoformat(), want.had,
            ]  # fmt: skip
            self.changed = True

    def dequeue(self, channel_id: UUID) -> None:
        """It got what it wanted."""
        if self.queue.pop(str(channel_id), None) is not None:
            self.changed = True


_COLUMNS = (
    'id, network, scope, scope_id, key, counts, used, part, allowed, "left", resets_at, granted_at, closed_until,'
    " queue"
)


def any_told(wanted: WantedRows) -> bool:
    """Did networks without declared limits tell about any?"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM channels_rateuse WHERE scope_id = ANY(%s) LIMIT 1", [_ids(wanted)])
        return cursor.fetchone() is not None


def _ids(wanted: WantedRows) -> list[str]:
    return sorted({scope_id for _, _, scope_id in wanted.scopes})


_made: set[Key] = set()
"""Rows that this process knows to be there."""

MOST_MADE = 100_000


@contextmanager
def holding(wanted: WantedRows, *, now: datetime) -> Iterator[list[Rate]]:
    """The rows, locked; what the caller changes in them is written at the end.

    What is wanted and missing is made before, so that nothing is waited for while rows are held; and rows are always
    locked in the order of their ids. So two workers may wait for one another, but never each for the other.
    """
    counts = {key: str(policy.counts) for key, policy in wanted.declared.items()}
    counts = {**{key: str(one) for key, one in wanted.told.items()}, **counts}
    if new := counts.keys() - _made:
        _make({key: counts[key] for key in new})
    for _ in range(3):
        with transaction.atomic():
            found = _locked(wanted, now)
            there = {(rate.network, rate.scope, rate.scope_id, rate.key) for rate in found}
            missing = counts.keys() - there
            if not missing:
                yield found
                _write(found)
                return
        _make({key: counts[key] for key in missing})  # somebody emptied the table
    raise RuntimeError("rows of limits vanish while they are being made")


def _make(counts: Mapping[Key, str]) -> None:
    rows = [
        {"id": str(new_id()), "network": key[0], "scope": key[1], "scope_id": key[2], "key": key[3],
         "counts": counts[key]}
        for key in sorted(counts)
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO channels_rateuse (id, network, scope, scope_id, key, counts, used, part, queue)"
            " SELECT v.id, v.network, v.scope, v.scope_id, v.key, v.counts, '[]', 0, '{}'"
            " FROM jsonb_to_recordset(%s::jsonb) AS v(id uuid, network text, scope text, scope_id text, key text,"
            " counts text) ON CONFLICT DO NOTHING",
            [json.dumps(rows)],
        )
    if len(_made) > MOST_MADE:
        _made.clear()
    _made.update(counts)


def read(wanted: WantedRows, *, now: datetime) -> list[Rate]:
    """The rows, to look at only."""
    return _rows(wanted, now, "")


def _locked(wanted: WantedRows, now: datetime) -> list[Rate]:
    return _rows(wanted, now, " FOR UPDATE")


def _rows(wanted: WantedRows, now: datetime, how: str) -> list[Rate]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM channels_rateuse WHERE scope_id = ANY(%s) ORDER BY id{how}",  # noqa: S608
            [_ids(wanted)],
        )
        rows = cursor.fetchall()
    found = []
    for row in rows:
        if (row[1], row[2], row[3]) not in wanted.scopes:
            continue
        policy = wanted.declared.get((row[1], row[2], row[3], row[4]))
        window = Window(tuple(_json(row[6])), row[7])
        if policy is not None:
            window = window.at(now, policy.seconds)
        found.append(
            Rate(
                pk=row[0], network=row[1], scope=row[2], scope_id=row[3], key=row[4], counts=row[5],
                window=window, allowed=row[8], left=row[9], resets_at=row[10], granted_at=row[11],
                closed_until=row[12], queue=_json(row[13]), policy=policy,
            )
        )  # fmt: skip
    return found


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _write(held: Sequence[Rate]) -> None:
    """Write what changed, in one statement."""
    rows = [
        {
            "id": str(one.pk), "used": list(one.window.used), "part": one.window.part, "allowed": one.allowed,
            "left": one.left, "resets_at": _iso(one.resets_at), "granted_at": _iso(one.granted_at),
            "closed_until": _iso(one.closed_until), "queue": one.queue,
        }
        for one in held
        if one.changed
    ]  # fmt: skip
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_rateuse AS r SET used = v.used, part = v.part, allowed = v.allowed,"
            ' "left" = v."left", resets_at = v.resets_at, granted_at = v.granted_at,'
            " closed_until = v.closed_until, queue = v.queue"
            " FROM jsonb_to_recordset(%s::jsonb) AS v(id uuid, used jsonb, part bigint, allowed integer,"
            ' "left" integer, resets_at timestamptz, granted_at timestamptz, closed_until timestamptz,'
            " queue jsonb) WHERE r.id = v.id",
            [json.dumps(rows)],
        )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
