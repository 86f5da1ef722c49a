"""Saving a post with what shall become of it, in one step: plan and deliveries change together or not at all.

The plan knows no deliveries. Here the two meet: what is in flight or published is held back from changing, what is
taken off a channel is called off, and what was scheduled keeps fitting where it goes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from spilno.kernel.errors import UserError
from spilno.plan import checks
from spilno.plan import services as plan
from spilno.plan.models import Item, Variant
from spilno.plan.services import Draft
from spilno.plan.writing import versions
from spilno.publishing import services
from spilno.publishing.models import Delivery, Step
from spilno.publishing.states import AHEAD, IN_FLIGHT, DeliveryState
from spilno.team.models import Person, Workspace

S = DeliveryState

LOCKED = (*IN_FLIGHT, S.PUBLISHED)
"""Content, time and channel are history, or may become it any moment."""

SCHEDULED = (*AHEAD, S.REMINDED)
"""Somebody decided that it goes out; it is not out yet."""

AGAIN = (S.MISSED, S.FAILED)
"""Did not go out; giving it a new time means to try again."""


class Action(StrEnum):
    """What shall become of a post that is saved."""

    KEEP = "keep"  # only save; what is scheduled stays scheduled, at its new time if that changed
    SCHEDULE = "schedule"
    NOW = "now"
    CANCEL = "cancel"


def hold(item: Item) -> dict[UUID, Delivery]:
    """The item's deliveries by variant, held until the transaction ends: no worker can start one meanwhile."""
    # The item before its deliveries, in the order in which scheduling takes them.
    Item.objects.select_for_update().filter(pk=item.pk).first()
    found = Delivery.objects.select_for_update().filter(variant__item=item).order_by("pk")
    return {one.variant_id: one for one in found}


def locked_among(deliveries: dict[UUID, Delivery]) -> set[UUID]:
    """Ids of the variants that must not change any more."""
    return {pk for pk, one in deliveries.items() if one.state in LOCKED}


@transaction.atomic
def save(
    *,
    workspace: Workspace,
    draft: Draft,
    by: Person | None,
    now: datetime,
    item: Item | None = None,
    expected_version: int = 0,
    action: Action = Action.KEEP,
    restored: int | None = None,
) -> Item:
    """Save an item with its variants and schedule, send or call off what is not out yet.

    What it said before and says now is kept as versions.

    :param expected_version: the version that was read before editing (of an existing item).
    :param restored: number of the version whose content the draft is.
    :raises Conflict: ``item_changed``.
    :raises UserError: ``channels_missing``, ``nothing_to_send``, ``time_missing``, ``variant_was_tried`` and those of
        :func:`spilno.plan.services.save_draft`, :func:`spilno.publishing.services.schedule` and ``cancel``.
    """
    deliveries = hold(item) if item else {}
    locked = locked_among(deliveries)
    if item is not None:
        versions.catch_up(item=item, now=now)
        _let_go(item, draft, deliveries, locked, by, now)
    saved = plan.save_draft(
        workspace=workspace, draft=draft, by=by, now=now, item=item, expected_version=expected_version,
        locked=locked,
    )  # fmt: skip
    free = [
        one
        for one in saved.variants.select_related("item", "item__link_to", "channel").order_by("position")
        if one.pk not in locked
    ]
    if action in (Action.SCHEDULE, Action.NOW) and not free:
        raise UserError("nothing_to_send" if locked else "channels_missing", field="channels")
    for variant in free:
        _apply(variant, deliveries.get(variant.pk), action, by, now)
    versions.note(item=saved, by=by, now=now, restored=restored)
    return saved


def _apply(
    variant: Variant, delivery: Delivery | None, action: Action, by: Person | None, now: datetime
) -> None:
    scheduled = delivery is not None and delivery.state in SCHEDULED
    at = variant.publish_at
    if action is Action.NOW:
        services.publish_now(variant=variant, by=by, now=now)
    elif action is Action.SCHEDULE:
        if at is None:
            raise UserError("time_missing", field="at", channel=variant.channel.name)
        services.schedule(variant=variant, due_at=at, by=by, now=now)
    elif delivery is None or not scheduled:
        return
    elif action is Action.CANCEL or at is None:
        services.cancel(delivery=delivery, by=by, now=now)
    elif at != delivery.due_at:
        services.schedule(variant=variant, due_at=at, by=by, now=now)
    else:
        # Its words may have changed: what is scheduled must go on fitting where it goes.
        checks.require_fitting(variant)


def _let_go(
    item: Item,
    draft: Draft,
    deliveries: dict[UUID, Delivery],
    locked: set[UUID],
    by: Person | None,
    now: datetime,
) -> None:
    """Take away the deliveries of variants that the draft no longer names."""
    wanted = {(one.channel.pk, one.placement) for one in draft.variants}
    for variant in item.variants.select_related("channel"):
        delivery = deliveries.get(variant.pk)
        if delivery is None or variant.pk in locked or (variant.channel_id, variant.placement) in wanted:
            continue
        if delivery.attempts.filter(step__in=(Step.COMMIT, Step.CONFIRM)).exists():
            raise UserError("variant_was_tried", field="channels", channel=variant.channel.name)
        services.cancel(delivery=delivery, by=by, now=now)
        delivery.delete()
        del deliveries[variant.pk]


@transaction.atomic
def move(
    *, item: Item, at: datetime, by: Person | None, now: datetime, from_at: datetime | None = None
) -> list[Variant]:
    """Another time (aware UTC) for the item's variants that stand at ``from_at``; without it for those without a time.

    What is scheduled stays scheduled; what is in reserve leaves the reserve and becomes a draft with a time.

    :raises UserError: ``nothing_to_move``, ``item_without_channels``, ``variant_is_out``, ``item_deleted`` and those
        of :func:`spilno.publishing.services.schedule`.
    """
    deliveries = hold(item)
    locked = locked_among(deliveries)
    standing = list(item.variants.select_related("item", "channel").order_by("position"))
    if not standing:
        raise UserError("item_without_channels")
    moved = [
        one
        for one in standing
        if one.pk not in locked
        and (one.publish_at is None if from_at is None else _same_second(one.publish_at, from_at))
    ]
    if not moved:
        out = next((one for one in standing if one.pk in locked), None)
        raise UserError("variant_is_out", channel=out.channel.name) if out else UserError("nothing_to_move")
    versions.catch_up(item=item, now=now)
    if item.reserve and from_at is None:
        item = plan.update_item(item=item, by=by, now=now, expected_version=item.version, reserve=False)
    found = []
    for one in moved:
        variant = plan.put_variant(
            item=item,
            channel=one.channel,
            placement=one.placement,
            text=one.text,
            publish_at=at,
            by=by,
            now=now,
        )
        delivery = deliveries.get(variant.pk)
        if delivery is not None and delivery.state in (*SCHEDULED, *AGAIN):
            services.schedule(variant=variant, due_at=at, by=by, now=now)
        found.append(variant)
    versions.note(item=item, by=by, now=now)
    return found


def _same_second(one: datetime | None, other: datetime) -> bool:
    return one is not None and int(one.timestamp()) == int(other.timestamp())


@transaction.atomic
def delete(*, item: Item, by: Person | None, now: datetime) -> None:
    """Put an item away and call off what is scheduled of it. :func:`spilno.plan.services.restore_item` undoes it.

    :raises UserError: ``item_is_out`` if something of it is in flight or published.
    """
    deliveries = hold(item)
    plan.delete_item(item=item, by=by, now=now, locked=locked_among(deliveries))
    for delivery in deliveries.values():
        if delivery.state in SCHEDULED:
            services.cancel(delivery=delivery, by=by, now=now)
