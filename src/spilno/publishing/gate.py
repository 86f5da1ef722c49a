"""May this delivery go on? Asked when it is prepared and again at the moment of sending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from spilno.channels.models import Health
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.permissions import Permission, may

LOOK_AGAIN = timedelta(minutes=1)
"""How often a delivery looks whether what it waits for (another post, a reconnected channel) is there."""


@dataclass(frozen=True)
class Stop:
    """Why it may not go on, and where it goes instead."""

    target: DeliveryState
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    next_try_at: datetime | None = None


def deadline(delivery: Delivery) -> datetime:
    """Later than this the post is missed, not late (the channel's tolerance)."""
    return delivery.due_at + timedelta(minutes=delivery.channel.late_tolerance)


def again(delivery: Delivery, now: datetime, wait: timedelta) -> datetime:
    """When to look again: after ``wait``, but not later than the moment in which the post is missed."""
    return max(now + timedelta(seconds=1), min(now + wait, deadline(delivery) + timedelta(seconds=1)))


NOT_APPROVED = "not_approved"
"""Why a delivery waits for somebody's word."""


def stop_for(delivery: Delivery, *, now: datetime, by_hand: bool, approved: bool = True) -> Stop | None:
    """What stands in the way, ``None`` if nothing does.

    A reminder is never too late: a person decides what still makes sense.
    """
    state, channel, item = DeliveryState, delivery.channel, delivery.variant.item
    if item.deleted_at is not None:
        return Stop(state.CANCELLED, "item_deleted")
    if not channel.is_active:
        return Stop(state.FAILED, "channel_disconnected", {"name": channel.name})
    if item.reserve:
        return Stop(state.HELD, "item_in_reserve")
    if delivery.scheduled_by is not None and not may(delivery.scheduled_by, Permission.PUBLISH):
        return Stop(state.HELD, "permission_lost", {"name": delivery.scheduled_by.name})
    if not approved and (by_hand or now <= deadline(delivery)):
        wait = now + LOOK_AGAIN if by_hand else again(delivery, now, LOOK_AGAIN)
        return Stop(state.WAITING, NOT_APPROVED, next_try_at=wait)
    if by_hand:
        return None
    if now > deadline(delivery):
        if not approved:
            return Stop(state.MISSED, "missed_unapproved")
        late = int((now - delivery.due_at).total_seconds() // 60)
        return Stop(state.MISSED, "too_late", {"minutes": late, "tolerance": channel.late_tolerance})
    if channel.health == Health.RECONNECT:
        return Stop(
            state.WAITING, "channel_reconnect", {"name": channel.name}, again(delivery, now, LOOK_AGAIN)
        )
    return None
