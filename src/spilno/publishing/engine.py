"""Bringing deliveries out, many at a time, step by step, once (DESIGN.md, "Publishing once").

One round is: read what is due, decide for each, move those that only have to be moved (one transaction), claim those
that speak to somebody (one transaction), let them speak (no transaction), and note the answers (one transaction for
all that are there). A worker may die between any two of these; what it leaves behind is found by its lease running out.

Here the parts, and a round that does them one after the other; :mod:`spilno.publishing.worker` lets many speak at once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import Min, prefetch_related_objects

from spilno.channels import access, tokens, traffic
from spilno.kernel.errors import UserError
from spilno.plan.approvals import queries as approvals
from spilno.publishing import backlog, gate, ledger
from spilno.publishing.calls import Call
from spilno.publishing.deciding import GOING_ON, decide
from spilno.publishing.ledger import Claim, End, Move
from spilno.publishing.models import Delivery
from spilno.publishing.outgoing import compose
from spilno.publishing.states import DeliveryState
from spilno.toolkit.networks.base import Credentials, Outgoing

log = logging.getLogger(__name__)

S = DeliveryState

LEAD = timedelta(minutes=2)
"""How long before its time a post is prepared."""

MOST_STEPS = 12
"""A delivery takes at most six steps at one go; more means that it turns in a circle, and then it waits."""

Clock = Callable[[], datetime]


# ------------------------------------------------------------------------------------------------ the parts of a round


@dataclass
class Round:
    """What became of the deliveries of one round.

    ``moved``: each one's new state, and when it wants to be looked at again; ``calls``: claimed, about to speak, with
    what they need for it;
    ``refused``: somebody else has them, or has to leave before them; ``broken``: no step could be decided for them.
    """

    moved: dict[UUID, tuple[str, datetime | None]] = field(default_factory=dict)
    calls: list[tuple[Call, Claim, Credentials | None]] = field(default_factory=list)
    refused: list[UUID] = field(default_factory=list)
    broken: list[UUID] = field(default_factory=list)


def load(pks: Sequence[UUID], *, now: datetime) -> list[Delivery]:
    """Those of the deliveries that are due and that nobody has, with all that a step looks at. The number of
    statements does not depend on the number of deliveries.
    """
    rows = Delivery.objects.select_related(
        "workspace", "channel", "variant__item__link_to", "scheduled_by"
    ).filter(ledger.free(now), pk__in=pks, next_try_at__lte=now)
    by_pk = {one.pk: one for one in rows.order_by()}
    found = [by_pk[pk] for pk in pks if pk in by_pk]
    for one in found:
        one.variant.workspace, one.variant.channel = one.workspace, one.channel
    variants = [one.variant for one in found]
    prefetch_related_objects([one.item for one in variants], "itemmedia_set__media__renditions")
    linked = [one for one in variants if one.item.link]
    if linked:
        prefetch_related_objects(linked, "links")
    uncertain = [one for one in found if one.state == S.UNCERTAIN]
    if uncertain:
        prefetch_related_objects(uncertain, "attempts")
    return found


def begin(deliveries: Sequence[Delivery], *, now: datetime, worker: str) -> Round:
    """Decide for each, move those that need nobody, claim the others."""
    done, moves, calls = Round(), list[Move](), list[Call]()
    composed = _composed(deliveries, now)
    unapproved = approvals.unapproved([one.variant for one in deliveries if one.state in GOING_ON])
    for one in deliveries:
        try:
            content = composed[one.pk] if one.pk in composed else compose([one], now=now)[one.pk]
            step = decide(one, content, now=now, approved=one.variant_id not in unapproved)
        except (DatabaseError, InterfaceError):
            raise
        except Exception:  # one that cannot be decided shall not stop all others
            log.exception("No step for delivery %s", one.pk)
            done.broken.append(one.pk)
            continue
        if isinstance(step, Move):
            moves.append(step)
        else:
            calls.append(step)
    behind = ledger.behind([one.take.delivery for one in calls if one.take.leaving])
    done.refused += behind
    calls = [one for one in calls if one.take.delivery.pk not in behind]
    calls, stopped = _permitted(calls, now=now)
    moves += stopped
    moved = ledger.move_all(moves, now=now)
    for move in moves:
        pk = move.delivery.pk
        if pk in moved:
            done.moved[pk] = (str(move.target), move.next_try_at)
        else:
            done.refused.append(pk)
    # Tokens that end about now are made anew by whoever speaks, outside of everything.
    known = access.credentials_of_many(
        channel
        for channel in (one.take.delivery.channel for one in calls)
        if channel.access_until is None or channel.access_until > now + tokens.SOON
    )
    claims = ledger.claim_all([one.take for one in calls], worker=worker, now=now)
    for call in calls:
        pk = call.take.delivery.pk
        if pk in claims:
            done.calls.append((call, claims[pk], known.get(call.take.delivery.channel_id)))
        else:
            done.refused.append(pk)
    return done


def _composed(deliveries: Sequence[Delivery], now: datetime) -> dict[UUID, Outgoing | UserError]:
    try:
        return compose(deliveries, now=now)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:  # one by one: whose it is will be seen
        log.exception("%s posts cannot be composed together", len(deliveries))
        return {}


def _permitted(calls: Sequence[Call], *, now: datetime) -> tuple[list[Call], list[Move]]:
    """What networks' limits and outages let through now; the others wait, but not longer than they may be late."""
    wanted: dict[UUID, list[Call]] = {}
    for one in calls:
        if one.placement or one.uploads:
            wanted.setdefault(one.take.delivery.channel_id, []).append(one)
    if not wanted:
        return list(calls), []
    permits = traffic.permits(wanted={channel: _want(of) for channel, of in wanted.items()}, now=now)
    free = {channel: dict(permit.placements) for channel, permit in permits.items()}
    allowed, stopped = list[Call](), list[Move]()
    for one in calls:
        delivery = one.take.delivery
        permit = permits.get(delivery.channel_id)
        if permit is None or not (one.placement or one.uploads):
            allowed.append(one)
        elif one.placement and free[delivery.channel_id].get(one.placement, 0) > 0:
            free[delivery.channel_id][one.placement] -= 1
            allowed.append(one)
        elif not one.placement and permit.uploads:
            allowed.append(one)
        else:
            until = permit.wait_until or now + gate.LOOK_AGAIN
            again = gate.again(delivery, now, until - now)
            stopped.append(Move(delivery, S.WAITING, again, permit.code, permit.params))
    return allowed, stopped


def _want(calls: Sequence[Call]) -> traffic.Wanted:
    return traffic.Wanted(
        Counter(one.placement for one in calls if one.placement),
        uploads=sum(one.uploads for one in calls),
        due_at=min(one.take.delivery.due_at for one in calls),
    )


def finish(ends: Sequence[End]) -> None:
    """Note the answers, and what they say about the channels and their networks."""
    ledger.finish_all(ends)
    heard = [one for one in ends if one.heard]
    if not heard:
        return
    latest = max(one.at for one in heard)
    access.note_well(channels=[one.claim.delivery.channel for one in heard if one.error is None], now=latest)
    for one in heard:
        if one.error is not None:
            access.note_health(channel=one.claim.delivery.channel, now=one.at, error=one.error)
    traffic.note(
        seen=[
            traffic.Seen(
                one.claim.delivery.channel_id, one.claim.delivery.channel.network, one.error is None, one.error,
                one.quotas, one.requests, one.uploads, min(one.permitted, one.requests),
                str(one.claim.delivery.pk),
            )
            for one in heard
        ],
        now=latest,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ step by step


def next_due() -> datetime | None:
    """When the next delivery wants to be looked at."""
    return Delivery.objects.filter(next_try_at__isnull=False).aggregate(first=Min("next_try_at"))["first"]


def due_ids(*, now: datetime, channel_id: UUID | None = None) -> list[UUID]:
    """Deliveries that somebody has to look at, in the order of turns."""
    return [one.pk for one in backlog.read(now=now, channel_id=channel_id)]


def run_due(
    *,
    now: datetime,
    worker: str,
    channel_id: UUID | None = None,
    clock: Clock | None = None,
    together: int = 1,
) -> int:
    """Do everything that is due, of all channels or one, in this thread. Returns how many deliveries moved.

    :param clock: gives the time while the work goes on (a request takes seconds); without it ``now`` stands still.
    :param together: so many answers are noted in one transaction.
    """
    tell = clock or (lambda: now)
    waiting, steps, moved = backlog.Backlog(), Counter[UUID](), set[UUID]()
    while True:
        rows = backlog.read(now=tell(), channel_id=channel_id)
        waiting.fill([one for one in rows if steps[one.pk] < MOST_STEPS], now=tell())
        while rows := waiting.take(now=tell(), most=backlog.AT_ONCE):
            steps.update(one.pk for one in rows)
            went = _round([one.pk for one in rows], tell, worker, together)
            moved |= went
            for one in rows:
                if one.pk in went:
                    waiting.landed(one.pk)
                else:
                    waiting.refused(one.pk, now=tell())
            if went:
                break
        else:
            return len(moved)


def advance(*, delivery_id: UUID, now: datetime, worker: str, clock: Clock | None = None) -> bool:
    """Bring one delivery as far as it goes now. Calling it for one that is not due, or is another's, is harmless.

    :param clock: as for :func:`run_due`.
    :return: whether it moved.
    """
    tell = clock or (lambda: now)
    moved = False
    for _ in range(MOST_STEPS):
        if not _round([delivery_id], tell, worker, 1):
            break
        moved = True
    return moved


def _round(pks: Sequence[UUID], tell: Clock, worker: str, together: int) -> set[UUID]:
    """One step of each, one after the other. Returns those that moved."""
    now = tell()
    begun = begin(load(pks, now=now), now=now, worker=worker)
    moved, ends = set(begun.moved), list[End]()
    for _, claim, _ in begun.calls:
        ledger.hold(claim)
    try:
        for call, claim, credentials in begun.calls:
            spoken = call.speak(credentials)
            ends.append(call.judged(claim, spoken, tell()))
            moved.add(claim.delivery.pk)
            if len(ends) >= together:
                finish(ends)
                ends.clear()
        finish(ends)
    finally:
        for _, claim, _ in begun.calls:
            ledger.let_go(claim)
    return moved
