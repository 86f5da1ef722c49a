"""The moves of deliveries, many at a time, each call one committed transaction. No network call happens here.

Two rules make two workers harmless to each other: a move is an ``UPDATE`` that names the state (and lease) which it
expects, so a row that does not come back belongs to somebody else; and whoever is about to speak to a network first
commits an :class:`Attempt`, so that a worker's death leaves a trace.

Nobody here waits for a locked row while holding others: rows that a person or another worker is changing this moment
are passed over (``SKIP LOCKED``). So no two of these, and nobody in front of a page, can wait for each other in a ring.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from spilno.channels import access
from spilno.kernel.addresses import web_address
from spilno.kernel.errors import UserError
from spilno.kernel.ids import new_id
from spilno.publishing import statements, waking
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.states import GRAPH, DeliveryState
from spilno.team.models import AuditEntry, Person
from spilno.toolkit.networks.base import NetworkError, Prepared, Published, Quota, ReadsInsights, can

S = DeliveryState

LEASE = timedelta(seconds=60)
"""How long a claim holds without being renewed; a living worker renews (:func:`renew`) every quarter of it."""

_held: set[str] = set()  # leases of this process that are at work right now

Changes = Mapping[str, Any]
"""Columns that a move changes beside the usual ones: ``prepared…`` (see :func:`prepared_fields`), ``first_commit_at``,
``reminded_at``."""


# ------------------------------------------------------------------------------------------------ what may be asked


@dataclass(frozen=True)
class Move:
    """A decision from what the database says: nobody is spoken to."""

    delivery: Delivery
    target: DeliveryState
    next_try_at: datetime | None = None
    code: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True)
class Take:
    """A wish to claim a delivery and to note what is about to be tried.

    :param leaving: it is about to become visible: only if item and channel are still as they were read with the
        delivery, and nothing of the same channel and second has to leave before it.
    """

    delivery: Delivery
    target: DeliveryState
    step: Step
    fingerprint: str = ""
    leaving: bool = False
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours for now, and the attempt that says so."""

    delivery: Delivery
    attempt: UUID
    step: Step
    state: DeliveryState
    lease: str


@dataclass(frozen=True)
class End:
    """How an attempt ended and where the delivery goes. ``published``: it is out, whatever its row says meanwhile.

    :param at: when the answer was there.
    :param heard: a network was asked: what its ``error`` (``None``: it answered well) says about the channel counts,
        and how much of its limits that took (see ``channels.traffic.Seen``).
    """

    claim: Claim
    at: datetime
    outcome: str
    target: DeliveryState = S.PUBLISHED
    published: Published | None = None
    code: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    next_try_at: datetime | None = None
    changes: Changes = field(default_factory=dict)
    heard: bool = True
    error: NetworkError | None = None
    requests: int = 0
    permitted: int = 0
    uploads: int = 0
    quotas: tuple[Quota, ...] = ()


# ------------------------------------------------------------------------------------------------ conditions


def free(now: datetime) -> Q:
    """Deliveries that no living worker holds."""
    return Q(lease_until=None) | Q(lease_until__lte=now)


def _plain(value: Any) -> str:
    # To the microsecond: a row is only as it was read if its times are equal.
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _rows(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), default=_plain)


def _do(sql: str, params: Sequence[Any] | Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def _ids(sql: str, params: Sequence[Any] | Mapping[str, Any]) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {row[0] for row in cursor.fetchall()}


def _locked(pks: Iterable[UUID], *, wait: bool = False) -> set[UUID]:
    """Locks those rows that nobody has locked, until the transaction ends."""
    return _ids(statements.LOCK if wait else f"{statements.LOCK} SKIP LOCKED", [list(pks)])


def _as_read(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.pk, "state": delivery.state, "due_at": delivery.due_at, "updated_at": delivery.updated_at,
    }  # fmt: skip


def _kept(delivery: Delivery, changes: Changes) -> dict[str, Any]:
    """All columns that a move may change: as they shall be, or as they are."""
    names = ("prepared", "prepared_expires_at", "prepared_for", "first_commit_at", "reminded_at")
    return {name: changes.get(name, getattr(delivery, name)) for name in names}


# ------------------------------------------------------------------------------------------------ the moves


def move_all(moves: Sequence[Move], *, now: datetime) -> set[UUID]:
    """Move deliveries without speaking to anybody. Returns the ids of those that were still as they were read."""
    for one in moves:
        if one.target != one.delivery.state:
            GRAPH.check(one.delivery.state, one.target)
    if not moves:
        return set()
    with transaction.atomic(durable=True):
        mine = _locked(one.delivery.pk for one in moves)
        rows = [
            {
                **_as_read(one.delivery), **_kept(one.delivery, one.changes), "target": one.target,
                "next_try_at": one.next_try_at, "code": one.code[:60], "params": dict(one.params),
            }
            for one in moves
            if one.delivery.pk in mine
        ]  # fmt: skip
        moved = _ids(statements.MOVE, {"now": now, "rows": _rows(rows)}) if rows else set()
        if moved:
            # A worker died between its request and its answer: the attempt says so from now on.
            Attempt.objects.filter(delivery__in=moved, finished_at=None).update(
                finished_at=now, outcome="interrupted"
            )
    return moved


def behind(deliveries: Sequence[Delivery]) -> set[UUID]:
    """Those that may not leave yet, because another of their channel and second has to leave before them.

    Asked before anything is taken from a network's limits for them; the claim asks again.
    """
    return _ids(statements.BEHIND, [[one.pk for one in deliveries]]) if deliveries else set()


def claim_all(takes: Sequence[Take], *, worker: str, now: datetime) -> dict[UUID, Claim]:
    """Take the deliveries and note what is about to be tried. Returns claims by delivery; those that are missing
    somebody else has, or they may not leave (any more, or yet).
    """
    for one in takes:
        if one.target != one.delivery.state:
            GRAPH.check(one.delivery.state, one.target)
    if not takes:
        return {}
    wanted: dict[UUID, tuple[Take, dict[str, Any], Claim]] = {}
    for one in takes:
        kept = _kept(one.delivery, one.changes)
        if one.target == S.COMMITTING and kept["first_commit_at"] is None:
            kept["first_commit_at"] = now
        lease = f"{worker[:60]}#{secrets.token_hex(6)}"
        wanted[one.delivery.pk] = one, kept, Claim(one.delivery, new_id(), one.step, one.target, lease)
    with transaction.atomic(durable=True):
        items = _items_as_read([one for one in takes if one.leaving])
        mine = _locked(
            pk for pk, (one, *_) in wanted.items() if not one.leaving or one.delivery.variant.item_id in items
        )
        rows = [
            {
                **_as_read(one.delivery), **kept, "target": one.target, "lease": claim.lease,
                "leaving": one.leaving, "position": one.delivery.variant.position,
            }
            for pk, (one, kept, claim) in wanted.items()
            if pk in mine
        ]  # fmt: skip
        taken = (
            _ids(statements.CLAIM, {"now": now, "until": now + LEASE, "rows": _rows(rows)}) if rows else set()
        )
        if taken:
            attempts = [
                {"id": claim.attempt, "delivery": pk, "step": one.step, "fingerprint": one.fingerprint}
                for pk, (one, _, claim) in wanted.items()
                if pk in taken
            ]
            _do(statements.ATTEMPT, {"worker": worker[:80], "now": now, "rows": _rows(attempts)})
    for pk in taken:
        take, kept, _ = wanted[pk]
        for name, value in kept.items():
            setattr(take.delivery, name, value)
    return {pk: claim for pk, (_, _, claim) in wanted.items() if pk in taken}


def _items_as_read(takes: Sequence[Take]) -> set[UUID]:
    if not takes:
        return set()
    items = {one.delivery.variant.item_id: one.delivery.variant.item.version for one in takes}
    return _ids(
        statements.ITEMS_AS_READ, [_rows({"id": pk, "version": version} for pk, version in items.items())]
    )


def finish_all(ends: Sequence[End]) -> None:
    """Note how attempts ended and move the deliveries on, if they are still ours; what is out is out in any case.

    What somebody else has locked this moment is noted on its own, so that nobody waits for us while we wait for them.
    """
    for one in ends:
        if one.published is None and one.target != one.claim.state:
            GRAPH.check(one.claim.state, one.target)
    if not ends:
        return
    for one in _finish(ends, wait=len(ends) == 1):
        _finish([one], wait=True)
    out = [one for one in ends if one.published is not None]
    if out:
        _wake_linked([one.claim.delivery for one in out], now=max(one.at for one in out))


def _finish(ends: Sequence[End], *, wait: bool) -> list[End]:
    with transaction.atomic(durable=True):
        mine = _locked((one.claim.delivery.pk for one in ends), wait=wait)
        noted = [one for one in ends if one.claim.delivery.pk in mine]
        if noted:
            _do(statements.END, [_rows(_attempt_of(one) for one in noted)])
        if rows := [_row_of(one) for one in noted if one.published is None]:
            _do(statements.GO_ON, [_rows(rows)])
        _publish([(one.claim.delivery, one.published, one.at, None) for one in noted if one.published])
    return [one for one in ends if one.claim.delivery.pk not in mine]


def _attempt_of(end: End) -> dict[str, Any]:
    answer = dict(end.answer) or ({"params": dict(end.params)} if end.params else {})
    return {
        "id": end.claim.attempt, "at": end.at, "outcome": end.outcome[:20], "code": end.code[:60], "answer": answer,
    }  # fmt: skip


def _row_of(end: End) -> dict[str, Any]:
    delivery = end.claim.delivery
    return {
        **_kept(delivery, end.changes), "id": delivery.pk, "state": end.claim.state, "lease": end.claim.lease,
        "target": end.target, "at": end.at, "next_try_at": end.next_try_at, "code": end.code[:60],
        "params": dict(end.params),
    }  # fmt: skip


def publish(delivery: Delivery, published: Published, *, now: datetime, by: Person | None = None) -> bool:
    """Note that the post is out, because a person says so. False if that was known."""
    with transaction.atomic():
        moved = bool(_publish([(delivery, published, now, by)]))
        if moved:
            _wake_linked([delivery], now=now)
    return moved


def _publish(rows: Sequence[tuple[Delivery, Published, datetime, Person | None]]) -> set[UUID]:
    """Knowledge wins over leases: whatever the rows say. Returns the ids of those of which it was news."""
    if not rows:
        return set()
    values = [
        {
            "id": one.pk, "at": at, "out_at": min(said.published_at or at, at),
            "external_id": said.external_id[:300], "url": web_address(said.url), "by": by.pk if by else None,
            "observe": bool(said.external_id) and _readable(one),
        }
        for one, said, at, by in rows
    ]  # fmt: skip
    news = _ids(statements.PUBLISH, [_rows(values)])
    AuditEntry.objects.bulk_create(
        AuditEntry(
            workspace_id=one.workspace_id, at=at, person=by, action="delivery.published", object_kind="delivery",
            object_id=one.pk, initiative_id=one.variant.item.initiative_id,
            detail={"title": one.variant.item.title, "channel": one.channel.name, "url": web_address(said.url)},
        )
        for one, said, at, by in rows
        if one.pk in news
    )  # fmt: skip
    return news


def _wake_linked(out: Collection[Delivery], *, now: datetime) -> None:
    """Posts whose link leads to what is out now may go on. After the transaction: it waits for rows of others."""
    waiting = Delivery.objects.filter(
        workspace__in={one.workspace_id for one in out},
        variant__item__link_to__in={one.variant.item_id for one in out},
        state=S.WAITING,
        error_code="linked_post_not_out",
    )
    if waiting.filter(free(now)).update(next_try_at=now, updated_at=now):
        waking.shout()


def _readable(delivery: Delivery) -> bool:
    try:
        return not delivery.channel.by_hand and can(access.network_of(delivery.channel), ReadsInsights)
    except UserError:
        return False


def prepared_of(delivery: Delivery) -> Prepared:
    """What preparation left, as the network's methods take it."""
    return Prepared(delivery.prepared, delivery.prepared_expires_at)


def prepared_fields(prepared: Prepared, fingerprint: str) -> dict[str, Any]:
    """The columns in which preparation is kept."""
    return {
        "prepared": dict(prepared.data),
        "prepared_expires_at": prepared.expires_at,
        "prepared_for": fingerprint,
    }


# ------------------------------------------------------------------------------------------------ leases


def hold(claim: Claim) -> None:
    """From now on this process renews the claim's lease (if it runs :func:`renew`), until :func:`let_go`."""
    _held.add(claim.lease)


def let_go(claim: Claim) -> None:
    """The claim is finished."""
    _held.discard(claim.lease)


def renew(now: datetime) -> int:
    """Renew the leases that this process is working under. A lease that ran out is not renewed."""
    at_work = list(_held)
    if not at_work:
        return 0
    # What is locked is being finished this very moment.
    mine = Delivery.objects.filter(lease_by__in=at_work, lease_until__gt=now).select_for_update(
        skip_locked=True
    )
    with transaction.atomic():
        return Delivery.objects.filter(pk__in=list(mine.values_list("pk", flat=True))).update(
            lease_until=now + LEASE, next_try_at=now + LEASE
        )
