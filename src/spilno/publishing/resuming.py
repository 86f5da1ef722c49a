"""What the channels let go on, and what they are told to expect (``channels.hooks``)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from spilno.publishing import waking
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState

STILL_CLOSED = ("rate_limited_ahead", "network_rate_limited")
"""What a limit holds back does not become possible because the account was connected again."""


def resume(channel_ids: Collection[UUID], now: datetime) -> None:
    """The channels may speak again: what waited for that is looked at now."""
    waiting = Delivery.objects.filter(
        channel_id__in=channel_ids, state=DeliveryState.WAITING, next_try_at__gt=now
    ).exclude(error_code__in=STILL_CLOSED)
    if waiting.update(next_try_at=now):
        waking.shout()


def expected(start: datetime, end: datetime) -> set[UUID]:
    """Channels through which something leaves in that time."""
    rows = Delivery.objects.filter(
        state__in=(DeliveryState.QUEUED, DeliveryState.PREPARED, DeliveryState.WAITING),
        next_try_at__isnull=False, due_at__gte=start, due_at__lt=end,
    )  # fmt: skip
    return set(rows.values_list("channel_id", flat=True).distinct())
