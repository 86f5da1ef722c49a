"""What pages show about deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from spilno.channels import access
from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.plan import checks
from spilno.plan import queries as plan
from spilno.plan.models import Item, Media
from spilno.publishing import takedown
from spilno.publishing.models import Attempt, Delivery
from spilno.publishing.services import CONFIRMABLE, RETRIABLE
from spilno.publishing.states import AHEAD, GRAPH, NEEDS_ATTENTION, DeliveryState
from spilno.team.models import AuditEntry, Workspace
from spilno.toolkit.networks.base import LocalText, Network

S = DeliveryState


SOON = timedelta(minutes=2)


def changes_soon(delivery: Delivery, now: datetime) -> bool:
    """Does it move by itself now or in a moment, so that somebody may be waiting for it in front of a page?"""
    if delivery.state in (S.QUEUED, S.WAITING):
        return delivery.next_try_at is not None and delivery.next_try_at <= now + SOON
    return delivery.state in (S.PREPARING, S.PREPARED, S.COMMITTING, S.UNCERTAIN)


def deliveries(workspace: Workspace) -> QuerySet[Delivery]:
    """The workspace's deliveries with channel, variant and item. Items that were deleted do not count any more."""
    return Delivery.objects.filter(workspace=workspace, variant__item__deleted_at=None).select_related(
        "channel", "channel__owner", "variant__item", "variant__item__initiative", "variant__item__owner"
    )


def needs_attention(workspace: Workspace) -> QuerySet[Delivery]:
    """What a person has to do something about, the oldest first: to check, to post by hand, failed, missed."""
    return deliveries(workspace).filter(state__in=NEEDS_ATTENTION).order_by("due_at")


def on_air(workspace: Workspace, *, start: datetime, end: datetime) -> QuerySet[Delivery]:
    """What leaves or left from ``start`` (inclusive) to ``end`` (exclusive), by time; called-off ones do not count."""
    return (
        deliveries(workspace)
        .filter(due_at__gte=start, due_at__lt=end)
        .exclude(state=S.CANCELLED)
        .order_by("due_at", "variant__position")
    )


def ahead(channel: Channel) -> QuerySet[Delivery]:
    """What is still to leave through a channel."""
    return deliveries(channel.workspace).filter(channel=channel, state__in=AHEAD).order_by("due_at")


@dataclass(frozen=True)
class Event:
    """One line of a delivery's history. ``step`` ``"decision"``: a person; ``outcome`` is then the audit's action."""

    at: datetime
    step: str
    outcome: str
    code: str = ""
    by: str = ""
    ended_at: datetime | None = None
    detail: Mapping[str, Any] | None = None
    worker: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class DeliveryPage:
    """Everything the page of a delivery shows.

    ``title`` names the post; ``text`` is what a person copies or the network gets; ``sent`` is the text with its link,
    as it leaves. ``look_at``: where to see whether the post is there (an address, or "").
    """

    delivery: Delivery
    item: Item
    channel: Channel
    network: Network | None
    placement: LocalText
    title: str
    text: str
    sent: str
    link: str
    media: tuple[Media, ...]
    by_hand: bool
    look_at: str
    look_here: LocalText
    problem: checks.Said | None
    events: tuple[Event, ...]
    can_cancel: bool
    can_retry: bool
    can_confirm: bool
    can_deny: bool
    can_take_down: bool


def delivery_page(workspace: Workspace, pk: UUID) -> DeliveryPage | None:
    """The page of a delivery, ``None`` if the workspace has none of that id."""
    delivery = (
        Delivery.objects.filter(workspace=workspace, pk=pk)
        .select_related(
            "workspace",
            "channel__owner",
            "confirmed_by",
            "scheduled_by",
            "variant__channel",
            "variant__item__initiative",
            "variant__item__link_to",
        )
        .first()
    )
    if delivery is None:
        return None
    variant, item, channel, state = delivery.variant, delivery.variant.item, delivery.channel, delivery.state
    network, placement = _place(channel, variant.placement)
    verdict = checks.check_variant(variant)
    media = tuple(plan.media_of(item))
    return DeliveryPage(
        delivery=delivery,
        item=item,
        channel=channel,
        network=network,
        placement=placement,
        title=plan.title_of(item.title, plan.text_of(variant)),
        text=plan.words_of(variant),
        sent=verdict.sent,
        link=plan.link_of(variant),
        media=media,
        by_hand=verdict.by_hand,
        look_at=str(delivery.error_params.get("look_at", "")) or channel.url,
        look_here=network.look_here if network else {},
        problem=_problem(delivery),
        events=_events(delivery),
        can_cancel=GRAPH.allows(state, S.CANCELLED),
        can_retry=state in RETRIABLE and state != S.WAITING,
        can_confirm=state in CONFIRMABLE,
        can_deny=state == S.NEEDS_PERSON,
        can_take_down=takedown.possible(delivery, network),
    )


def _place(channel: Channel, key: str) -> tuple[Network | None, LocalText]:
    try:
        network = access.network_of(channel)
    except UserError:
        return None, {}
    try:
        return network, network.placement(key).label
    except KeyError:
        return network, {}


def _problem(delivery: Delivery) -> checks.Said | None:
    """If the content did not fit: the first problem in words."""
    if delivery.error_code != "does_not_fit":
        return None
    found = checks.check_variant(delivery.variant)
    return next((one for one in found.problems if one.level == checks.ERROR), None)


_DECISIONS = (
    "delivery.scheduled", "delivery.sent_now", "delivery.cancelled", "delivery.retried",
)  # fmt: skip


def _events(delivery: Delivery) -> tuple[Event, ...]:
    """What happened, oldest first: decisions from the audit, tries from the attempts."""
    attempts = [_of_attempt(one) for one in delivery.attempts.all()]
    audit = AuditEntry.objects.filter(
        workspace=delivery.workspace, object_id=delivery.pk, action__in=_DECISIONS
    ).select_related("person")
    decisions = [
        Event(one.at, "decision", one.action, by=one.person.name if one.person else "", detail=one.detail)
        for one in audit
    ]
    return tuple(sorted([*decisions, *attempts], key=lambda one: one.at))


def _of_attempt(one: Attempt) -> Event:
    by = ", ".join(one.answer.get("to", [])) or str(one.answer.get("by", ""))
    return Event(one.started_at, one.step, one.outcome, one.code, by, one.finished_at, one.answer, one.worker,
                 one.fingerprint)  # fmt: skip
