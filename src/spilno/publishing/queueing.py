"""The queue: a post takes its channel's next free slot, and the others move up when one is taken out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F

from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan import schedule, slots
from spilno.plan import services as plan
from spilno.plan.models import Item, QueuePlace, Variant
from spilno.publishing import composition, services
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.models import Person, Workspace

S = DeliveryState

NEAR = timedelta(minutes=15)  # what leaves sooner is not moved by itself any more


@transaction.atomic
def add(
    *, item: Item, by: Person | None, now: datetime, channels: Collection[UUID] | None = None
) -> list[Variant]:
    """Schedule the item on its channels (on those named), each at the channel's next free slot.

    What is out, on its way or scheduled already stays as it is.

    :raises UserError: ``item_without_channels``, ``no_slots``, ``nothing_to_send`` and those of
        :func:`spilno.publishing.services.schedule`.
    """
    deliveries = composition.hold(item)
    wanted = [
        one
        for one in item.variants.select_related("item", "channel").order_by("position")
        if channels is None or one.channel_id in channels
    ]
    if not wanted:
        raise UserError("item_without_channels", field="channels")
    busy = (*composition.LOCKED, *composition.SCHEDULED)
    open_ones = [one for one in wanted if one.pk not in deliveries or deliveries[one.pk].state not in busy]
    if not open_ones:
        raise UserError("nothing_to_send", field="channels")
    if item.reserve:
        item = plan.update_item(item=item, by=by, now=now, expected_version=item.version, reserve=False)
    free = schedule.next_free(
        workspace=item.workspace,
        channels=[one.channel_id for one in open_ones],
        now=now,
        without=[item.pk],
    )
    added = []
    for variant in open_ones:
        at = free.get(variant.channel_id)
        if at is None:
            raise UserError("no_slots", field="channels", channel=variant.channel.name)
        placed = plan.put_variant(
            item=item, channel=variant.channel, placement=variant.placement, text=variant.text, publish_at=at,
            by=by, now=now,
        )  # fmt: skip
        services.schedule(variant=placed, due_at=at, by=by, now=now)
        QueuePlace.objects.update_or_create(
            variant=placed, defaults={"workspace_id": item.workspace_id, "at": at, "added_at": now}
        )
        added.append(placed)
    return added


def queued(*, workspace: Workspace, channels: Iterable[UUID], after: datetime) -> list[Variant]:
    """The queues' posts that leave later than that, by time. One that somebody gave another time is not among them."""
    found = (
        Variant.objects.filter(
            workspace=workspace,
            channel__in=list(channels),
            queue_place__isnull=False,
            queue_place__at=F("publish_at"),
            publish_at__gt=after,
            item__deleted_at=None,
            delivery__state=S.QUEUED,
        )
        .select_related("item", "channel", "delivery__scheduled_by")
        .order_by("publish_at", "pk")
    )
    return list(found)


@transaction.atomic
def close_up(*, workspace: Workspace, channels: Collection[UUID], now: datetime) -> list[Variant]:
    """Let the queues of these channels move up into slots that became free, where a channel wants that.

    The order stays; nothing is moved to a later time, and nothing that leaves within :data:`NEAR`. Each post stays
    scheduled by who scheduled it. Returns what moved.
    """
    ids = list(set(channels))
    first = clock.local_day(now, workspace.time_zone)
    after = first + timedelta(days=slots.HORIZON_DAYS)
    rules = {
        pk: one
        for pk, one in schedule.rules_of(workspace=workspace, channels=ids, first=first, after=after).items()
        if one.closes_up and one.slots
    }
    waiting = queued(workspace=workspace, channels=rules, after=now + NEAR)
    if not waiting:
        return []
    # Items before their deliveries, in the order in which scheduling takes them.
    list(Item.objects.select_for_update().filter(pk__in={one.item_id for one in waiting}).order_by("pk"))
    held = Delivery.objects.select_for_update().filter(variant__in=[one.pk for one in waiting]).order_by("pk")
    still = {one.variant_id for one in held if one.state == S.QUEUED}
    waiting = [one for one in waiting if one.pk in still]
    taken = schedule.standing(
        workspace=workspace,
        channels=list(rules),
        start=now - timedelta(days=1),
        end=now + timedelta(days=slots.HORIZON_DAYS),
        without=[one.item_id for one in waiting],
    )
    moved: list[Variant] = []
    for pk, one in rules.items():
        begin, standing = now + NEAR, list(taken.get(pk, ()))
        for variant in (found for found in waiting if found.channel_id == pk):
            at = next(slots.next_free(one, taken=standing, not_before=begin), None)
            assert variant.publish_at is not None
            if at is not None and at < variant.publish_at and _moved_up(variant, at, now):
                moved.append(variant)
            # The next one may come after it, not before.
            standing.append(variant.publish_at)
            begin = variant.publish_at
    return moved


def _moved_up(variant: Variant, at: datetime, now: datetime) -> bool:
    try:
        with transaction.atomic():
            services.schedule(variant=variant, due_at=at, by=variant.delivery.scheduled_by, now=now)
    except UserError:
        # It fits no more, or who scheduled it may not publish any more: it says so itself when its time comes.
        return False
    Item.objects.filter(pk=variant.item_id).update(version=F("version") + 1, updated_at=now)
    QueuePlace.objects.filter(variant=variant).update(at=at)
    return True
