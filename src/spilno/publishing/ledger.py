"""The moves of a delivery, each one committed transaction. No network call happens here.

Two rules make two workers harmless to each other: a move is an ``UPDATE`` that names the state (and lease) which it
expects, so zero rows means that somebody else has it; and whoever is about to speak to a network first commits an
:class:`Attempt`, so that a worker's death leaves a trace.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from spilno.channels import access
from spilno.channels.models import Channel
from spilno.kernel.addresses import web_address
from spilno.kernel.errors import UserError
from spilno.plan.models import Item
from spilno.publishing import waking
from spilno.publishing.models import Attempt, Delivery, Step
from spilno.publishing.states import GRAPH, DeliveryState
from spilno.team import audit
from spilno.team.models import Person
from spilno.toolkit.networks.base import Prepared, Published, ReadsInsights, can

S = DeliveryState

LEASE = timedelta(seconds=60)
"""How long a claim holds without being renewed; a living worker renews (:func:`renew`) every quarter of it."""

_held: set[str] = set()  # leases of this process that are at work right now


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours for now, and the attempt that says so."""

    delivery: Delivery
    attempt: Attempt
    state: DeliveryState
    lease: str


def free(now: datetime) -> Q:
    """Deliveries that no living worker holds."""
    return Q(lease_until=None) | Q(lease_until__lte=now)


def unchanged(delivery: Delivery) -> QuerySet[Delivery]:
    """The delivery, if nobody moved it since it was read."""
    return Delivery.objects.filter(
        pk=delivery.pk, state=delivery.state, due_at=delivery.due_at, updated_at=delivery.updated_at
    )


def _earlier_in_channel(delivery: Delivery) -> QuerySet[Delivery]:
    """What shall leave the same channel in the same second, but before (by the variant's position)."""
    second = delivery.due_at.replace(microsecond=0)
    position = delivery.variant.position
    return Delivery.objects.filter(
        Q(variant__position__lt=position) | Q(variant__position=position, pk__lt=delivery.pk),
        channel_id=delivery.channel_id,
        due_at__gte=second,
        due_at__lt=second + timedelta(seconds=1),
        state__in=(S.QUEUED, S.PREPARING, S.PREPARED, S.COMMITTING),
    )


def claim(
    delivery: Delivery,
    *,
    target: DeliveryState,
    step: Step,
    worker: str,
    now: datetime,
    fingerprint: str = "",
    leaving: bool = False,
    **changes: Any,
) -> Claim | None:
    """Take the delivery and note what is about to be tried; ``None`` if somebody else has it.

    :param leaving: it is about to become visible: only if item and channel are still as they were read with the
        delivery, and nothing of the same channel and second has to leave before it.
    """
    if target != delivery.state:
        GRAPH.check(delivery.state, target)
    lease = f"{worker[:60]}#{secrets.token_hex(6)}"
    with transaction.atomic(durable=True):
        # The conditions below must not need a join: PostgreSQL would not look at the joined rows again after
        # waiting for another worker, and both would have it.
        mine = unchanged(delivery).filter(free(now))
        if leaving:
            if not _as_read(delivery):
                return None
            mine = mine.filter(~Exists(_earlier_in_channel(delivery)))
        if not mine.update(
            state=target, lease_by=lease, lease_until=now + LEASE, next_try_at=now + LEASE, updated_at=now,
            **changes,
        ):  # fmt: skip
            return None
        attempt = _new_attempt(delivery, step, worker, now, fingerprint)
    delivery.next_try_at = now + LEASE
    return Claim(delivery, attempt, target, lease)


def _as_read(delivery: Delivery) -> bool:
    """Locks the item, so that an edit comes before the claim (and is seen) or after it (and is refused)."""
    item = delivery.variant.item
    same = Item.objects.select_for_update().filter(
        Exists(Channel.objects.filter(pk=delivery.channel_id, is_active=True)),
        pk=item.pk, version=item.version, deleted_at=None, reserve=False,
    )  # fmt: skip
    return bool(same.order_by().values_list("pk"))


def _new_attempt(delivery: Delivery, step: Step, worker: str, now: datetime, fingerprint: str) -> Attempt:
    # Counted by the statement that inserts: whoever claims holds the delivery's row.
    last = Attempt.objects.filter(delivery=delivery).order_by("-number").values("number")[:1]
    return Attempt.objects.create(
        delivery=delivery,
        number=Coalesce(Subquery(last), 0) + 1,
        step=step,
        worker=worker[:80],
        fingerprint=fingerprint,
        started_at=now,
    )


def finish(
    held: Claim,
    *,
    target: DeliveryState,
    now: datetime,
    outcome: str,
    code: str = "",
    params: Mapping[str, Any] | None = None,
    answer: Mapping[str, Any] | None = None,
    next_try_at: datetime | None = None,
    **changes: Any,
) -> bool:
    """Note how the attempt ended and move on. False if the claim was lost meanwhile: then only the attempt is noted."""
    if target != held.state:
        GRAPH.check(held.state, target)
    with transaction.atomic(durable=True):
        _end(held.attempt, now, outcome, code, answer or ({"params": dict(params)} if params else None))
        moved = Delivery.objects.filter(
            pk=held.delivery.pk, state=held.state, lease_by=held.lease
        ).update(
            state=target, lease_by="", lease_until=None, next_try_at=next_try_at, updated_at=now,
            error_code=code, error_params=dict(params or {}), **changes,
        )  # fmt: skip
    held.delivery.next_try_at = next_try_at
    return bool(moved)


def _end(attempt: Attempt, now: datetime, outcome: str, code: str, answer: Mapping[str, Any] | None) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(
        finished_at=now, outcome=outcome[:20], code=code[:60], answer=dict(answer or {})
    )


def move(
    delivery: Delivery,
    *,
    target: DeliveryState,
    now: datetime,
    next_try_at: datetime | None = None,
    code: str = "",
    params: Mapping[str, Any] | None = None,
    **changes: Any,
) -> bool:
    """Move without speaking to anybody: a decision from what the database says. False if it changed meanwhile."""
    if target != delivery.state:
        GRAPH.check(delivery.state, target)
    with transaction.atomic(durable=True):
        moved = unchanged(delivery).filter(free(now)).update(
            state=target, lease_by="", lease_until=None, next_try_at=next_try_at, updated_at=now,
            error_code=code, error_params=dict(params or {}), **changes,
        )  # fmt: skip
        if moved:
            # A worker died between its request and its answer: the attempt says so from now on.
            delivery.attempts.filter(finished_at=None).update(finished_at=now, outcome="interrupted")
            delivery.next_try_at = next_try_at
    return bool(moved)


def publish(
    delivery: Delivery,
    published: Published,
    *,
    now: datetime,
    held: Claim | None = None,
    outcome: str = "ok",
    answer: Mapping[str, Any] | None = None,
    by: Person | None = None,
) -> bool:
    """Note that the post is out, whatever the row says: knowledge wins over leases. False if that was known.

    Also wakes the deliveries whose link leads to this post.
    """
    with transaction.atomic():
        if held is not None:
            _end(held.attempt, now, outcome, "", answer)
        out_at = min(published.published_at or now, now)
        moved = Delivery.objects.filter(pk=delivery.pk).exclude(state=S.PUBLISHED).update(
            state=S.PUBLISHED, lease_by="", lease_until=None, next_try_at=None, updated_at=now,
            error_code="", error_params={}, published_at=out_at, confirmed_by=by,
            external_id=published.external_id[:300],
            external_url=web_address(published.url),
            observe_next_at=now if published.external_id and _readable(delivery) else None,
        )  # fmt: skip
        if moved:
            item = delivery.variant.item
            audit.record(
                workspace=delivery.workspace, by=by, action="delivery.published", object_kind="delivery",
                object_id=delivery.pk, now=now, initiative_id=item.initiative_id,
                title=item.title, channel=delivery.channel.name, url=web_address(published.url),
            )  # fmt: skip
            waiting = Delivery.objects.filter(
                workspace=delivery.workspace, variant__item__link_to=item, state=S.WAITING
            )
            if waiting.filter(free(now)).update(next_try_at=now, updated_at=now):
                waking.shout()
    delivery.next_try_at = None
    return bool(moved)


def _readable(delivery: Delivery) -> bool:
    try:
        return not delivery.channel.by_hand and can(access.network_of(delivery.channel), ReadsInsights)
    except UserError:
        return False


def first_commit(now: datetime) -> Coalesce:
    """``now``, unless a request that may have published was sent before."""
    return Coalesce(F("first_commit_at"), now)


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


class holding:
    """While inside, this process renews the claim's lease (if it runs :func:`renew`)."""

    def __init__(self, held: Claim) -> None:
        self._lease = held.lease

    def __enter__(self) -> None:
        _held.add(self._lease)

    def __exit__(self, *_: object) -> None:
        _held.discard(self._lease)


def renew(now: datetime) -> int:
    """Renew the leases that threads of this process are working under. A lease that ran out is not renewed."""
    at_work = list(_held)
    if not at_work:
        return 0
    return Delivery.objects.filter(lease_by__in=at_work, lease_until__gt=now).update(
        lease_until=now + LEASE, next_try_at=now + LEASE
    )
