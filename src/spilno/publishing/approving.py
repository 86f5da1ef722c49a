"""Where approvals meet deliveries: the plan knows no deliveries, and what waits for a word must hear of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from spilno.plan.approvals import services
from spilno.plan.approvals.models import GuestReviewer
from spilno.plan.approvals.services import Decided
from spilno.plan.models import Item
from spilno.publishing import ledger, waking
from spilno.publishing.gate import NOT_APPROVED
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.models import Person


@transaction.atomic
def decide(
    *,
    item: Item,
    seen: Mapping[UUID, str],
    verdict: str,
    now: datetime,
    by: Person | None = None,
    guest: GuestReviewer | None = None,
    comment: str = "",
) -> Decided:
    """:func:`spilno.plan.approvals.services.decide`; what waited for it is looked at again at once."""
    decided = services.decide(
        item=item, seen=seen, verdict=verdict, now=now, by=by, guest=guest, comment=comment
    )
    release([pk for pk, one in decided.after.items() if one.may_leave], now=now)
    return decided


def release(variants: Collection[UUID], *, now: datetime) -> int:
    """Have deliveries looked at that waited for approval. Returns how many."""
    waiting = Delivery.objects.filter(
        variant__in=variants, state=DeliveryState.WAITING, error_code=NOT_APPROVED
    )
    woken = waiting.filter(ledger.free(now)).update(next_try_at=now, updated_at=now)
    if woken:
        waking.shout()
    return woken
