"""The plan as one handles it on a calendar: move, duplicate, put away, several at once; and every step back.

Each gesture is one transaction. It is written down with what was before and after (:class:`PlanChange`), so that it can
be undone as long as nobody changed the same posts since. What cannot be done for one post does not stop the others: it
is told with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.kernel.wall_clock import from_wall, moved_days
from spilno.plan import checks, duplicating, tags
from spilno.plan import services as plan
from spilno.plan.models import ChannelSchedule, Item, PlanChange, QueuePlace, Variant
from spilno.plan.queries import title_of
from spilno.publishing import composition, queueing, services
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require

S = DeliveryState

MOST = 500  # posts at once
KEPT = timedelta(days=2)  # how long a step can be taken back


@dataclass(frozen=True)
class Ref:
    """A post at one of its times, as it stands in the calendar. ``at`` ``None``: what of it has no time yet."""

    item_id: UUID
    at: datetime | None


@dataclass(frozen=True)
class Refused:
    """What could not be done, and why."""

    ref: Ref
    title: str
    error: UserError


@dataclass(frozen=True)
class Outcome:
    """``change``: to undo it; ``None`` if nothing changed. ``items``: what was changed or made."""

    change: PlanChange | None
    items: tuple[UUID, ...]
    refused: tuple[Refused, ...] = ()


# ------------------------------------------------------------------------------------------------ what one does


def move(
    *,
    workspace: Workspace,
    ref: Ref,
    at: datetime,
    by: Person | None,
    now: datetime,
    channel: UUID | None = None,
) -> Outcome:
    """Another time (aware UTC) for a post. ``channel``: put it there, too, if it has no variant on it yet.

    :raises UserError: those of :func:`spilno.publishing.composition.move`, ``unknown_channel``.
    """

    def act(item: Item, one: Ref) -> None:
        if channel is not None and one.at is None:
            _put_on(item, channel, by, now)
            item.refresh_from_db()
        composition.move(item=item, at=at, by=by, now=now, from_at=one.at)

    return _alone(_each(workspace=workspace, refs=[ref], kind="moved", act=act, by=by, now=now))


def move_days(
    *, workspace: Workspace, refs: Sequence[Ref], days: int, by: Person | None, now: datetime, side: str = ""
) -> Outcome:
    """The same wall-clock times so many days later, or earlier. ``side``: the answer where clocks change."""

    def act(item: Item, ref: Ref) -> None:
        if ref.at is None:
            raise UserError("time_missing_here")
        at = moved_days(ref.at, days, workspace.time_zone, side=side)
        composition.move(item=item, at=at, by=by, now=now, from_at=ref.at)

    # From the far end, so that a post never stands where the next one still is.
    ordered = sorted(refs, key=lambda one: one.at.timestamp() if one.at else 0, reverse=days > 0)
    return _each(workspace=workspace, refs=ordered, kind="moved", act=act, by=by, now=now)


def set_clock(
    *,
    workspace: Workspace,
    refs: Sequence[Ref],
    clock: time,
    by: Person | None,
    now: datetime,
    side: str = "",
) -> Outcome:
    """Another time of day for each, on the day where it stands."""
    zone = ZoneInfo(workspace.time_zone)

    def act(item: Item, ref: Ref) -> None:
        if ref.at is None:
            raise UserError("time_missing_here")
        wall = datetime.combine(ref.at.astimezone(zone).date(), clock)
        at = from_wall(wall, workspace.time_zone, side=side)
        if at != ref.at:
            composition.move(item=item, at=at, by=by, now=now, from_at=ref.at)

    return _each(workspace=workspace, refs=refs, kind="moved", act=act, by=by, now=now)


def duplicate(
    *, workspace: Workspace, ref: Ref, at: datetime | None, by: Person | None, now: datetime
) -> Outcome:
    """A draft like the post at another time, with the channels that it has at its own.

    :raises UserError: those of :func:`spilno.plan.duplicating.duplicate`.
    """
    made: list[UUID] = []

    def act(item: Item, one: Ref) -> None:
        here = [
            variant.pk
            for variant in item.variants.select_related("delivery")
            if one.at is not None and _same_second(_stands_at(variant), one.at)
        ]
        copy = duplicating.duplicate(item=item, at=at, by=by, now=now, variants=here)
        made.append(copy.pk)

    return _alone(
        _each(workspace=workspace, refs=[ref], kind="duplicated", act=act, by=by, now=now, made=made)
    )


def schedule(*, workspace: Workspace, refs: Sequence[Ref], by: Person | None, now: datetime) -> Outcome:
    """Let each leave at the time where it stands."""
    require(by, Permission.PUBLISH)

    def act(item: Item, ref: Ref) -> None:
        deliveries = composition.hold(item)
        if item.reserve:
            raise UserError("item_in_reserve")
        for variant in _here(item, ref, composition.locked_among(deliveries)):
            delivery = deliveries.get(variant.pk)
            if variant.publish_at is None:
                raise UserError("time_missing", channel=variant.channel.name)
            if delivery is None or delivery.state not in composition.SCHEDULED:
                services.schedule(variant=variant, due_at=variant.publish_at, by=by, now=now)

    return _each(workspace=workspace, refs=refs, kind="scheduled", act=act, by=by, now=now)


def unschedule(*, workspace: Workspace, refs: Sequence[Ref], by: Person | None, now: datetime) -> Outcome:
    """Call each off; it stays where it stands, as a draft."""
    require(by, Permission.PUBLISH)

    def act(item: Item, ref: Ref) -> None:
        deliveries = composition.hold(item)
        here = _here(item, ref, composition.locked_among(deliveries))
        QueuePlace.objects.filter(variant__in=here).delete()
        _call_off((deliveries[one.pk] for one in here if one.pk in deliveries), by, now)

    return _each(workspace=workspace, refs=refs, kind="called_off", act=act, by=by, now=now)


def to_reserve(*, workspace: Workspace, refs: Sequence[Ref], by: Person | None, now: datetime) -> Outcome:
    """Take each off its day and keep it in reserve."""

    def act(item: Item, ref: Ref) -> None:
        deliveries = composition.hold(item)
        if locked := composition.locked_among(deliveries):
            out = item.variants.filter(pk__in=locked).select_related("channel")[0]
            raise UserError("variant_is_out", channel=out.channel.name)
        _call_off(deliveries.values(), by, now)
        variants = list(item.variants.select_related("channel"))
        QueuePlace.objects.filter(variant__in=variants).delete()
        if not item.reserve:
            item = plan.update_item(item=item, by=by, now=now, expected_version=item.version, reserve=True)
        for one in variants:
            _set_time(item, one, None, by, now)

    return _each(workspace=workspace, refs=refs, kind="reserved", act=act, by=by, now=now)


def to_queue(
    *,
    workspace: Workspace,
    refs: Sequence[Ref],
    by: Person | None,
    now: datetime,
    channels: Collection[UUID] | None = None,
) -> Outcome:
    """Schedule each at the next free slot of its channels."""

    def act(item: Item, ref: Ref) -> None:
        queueing.add(item=item, by=by, now=now, channels=channels)

    return _each(workspace=workspace, refs=refs, kind="queued", act=act, by=by, now=now)


def delete(*, workspace: Workspace, refs: Sequence[Ref], by: Person | None, now: datetime) -> Outcome:
    """Put each away and call off what is scheduled of it."""

    def act(item: Item, ref: Ref) -> None:
        composition.delete(item=item, by=by, now=now)
        QueuePlace.objects.filter(variant__item=item).delete()

    return _each(workspace=workspace, refs=refs, kind="deleted", act=act, by=by, now=now)


def set_tag(
    *, workspace: Workspace, refs: Sequence[Ref], name: str, on: bool, by: Person | None, now: datetime
) -> Outcome:
    """Put a tag on each, or take it off.

    :raises UserError: ``tag_missing``, ``tag_too_long``.
    """
    (wanted,) = tags.read_names(name)[:1] or [""]
    if not wanted:
        raise UserError("tag_missing", field="tags")
    tags.check_names([wanted])

    def act(item: Item, ref: Ref) -> None:
        has = list(item.tags.values_list("name", flat=True))
        others = [one for one in has if one.casefold() != wanted.casefold()]
        tags.set_tags(item=item, names=[*others, wanted] if on else others, by=by)

    return _each(workspace=workspace, refs=refs, kind="tagged", act=act, by=by, now=now)


# ------------------------------------------------------------------------------------------------ a step back


@transaction.atomic
def undo(*, change: PlanChange, by: Person | None, now: datetime) -> Outcome:
    """Put everything back as it was before the change; what was changed since stays and is told.

    :raises UserError: ``undone_already``.
    """
    require(by, Permission.PLAN_EDIT)
    claimed = PlanChange.objects.filter(pk=change.pk, undone_at=None).update(undone_at=now)
    if not claimed:
        raise UserError("undone_already")
    workspace = change.workspace
    done: list[UUID] = []
    refused: list[Refused] = []
    items = Item.objects.filter(workspace=workspace, pk__in=change.after).order_by("pk")
    for item in items.select_related("workspace"):
        key = str(item.pk)
        try:
            with transaction.atomic():
                composition.hold(item)
                item.refresh_from_db()
                if snapshot(workspace, [item.pk])[key] != change.after[key]:
                    raise UserError("changed_since")
                _restore(item, change.before.get(key), change.after[key], by, now)
            done.append(item.pk)
        except UserError as error:
            refused.append(Refused(Ref(item.pk, None), title_of(item.title, item.text), error))
    return Outcome(change, tuple(done), tuple(refused))


def _restore(
    item: Item, before: Mapping[str, Any] | None, after: Mapping[str, Any], by: Person | None, now: datetime
) -> None:
    if before is None:  # it was made by the change
        composition.delete(item=item, by=by, now=now)
        return
    if after["deleted"] and not before["deleted"]:
        plan.restore_item(item=item, by=by, now=now)
        item.refresh_from_db()
    for variant in item.variants.select_related("channel", "delivery"):
        was, now_is = before["variants"].get(str(variant.pk)), after["variants"].get(str(variant.pk))
        if was is None:  # put on by the change
            delivery = getattr(variant, "delivery", None)
            if delivery is not None:
                _call_off([delivery], by, now)
                delivery.delete()
            plan.remove_variant(variant=variant, by=by, now=now)
            continue
        if was == now_is:
            continue
        delivery = getattr(variant, "delivery", None)
        if delivery is not None and now_is["state"] == "scheduled" and was["state"] != "scheduled":
            _call_off([delivery], by, now)
        at = datetime.fromisoformat(was["at"]) if was["at"] else None
        _set_time(item, variant, at, by, now)
        if before["reserve"] != item.reserve:
            item.refresh_from_db()
            item = plan.update_item(
                item=item, by=by, now=now, expected_version=item.version, reserve=before["reserve"]
            )
        if was["state"] == "scheduled" and at is not None:
            fresh = Variant.objects.select_related("item", "item__link_to", "channel").get(pk=variant.pk)
            services.schedule(variant=fresh, due_at=at, by=by, now=now)
        QueuePlace.objects.filter(variant=variant).delete()
        if was["queue"] and at is not None:
            QueuePlace.objects.create(workspace_id=item.workspace_id, variant=variant, at=at, added_at=now)
    item.refresh_from_db()
    if before["reserve"] != item.reserve:
        plan.update_item(item=item, by=by, now=now, expected_version=item.version, reserve=before["reserve"])
    if before["tags"] != after["tags"]:
        tags.set_tags(item=item, names=before["tags"], by=by)


def snapshot(workspace: Workspace, items: Collection[UUID]) -> dict[str, dict[str, Any]]:
    """What a change can change, by item: three queries.

    Of a delivery only what a person decided: ``"scheduled"``, ``"out"`` (or on its way), else ``""``; that a worker
    prepares it is no change.
    """
    worn = tags.of_items(items)
    found: dict[str, dict[str, Any]] = {
        str(pk): {
            "deleted": deleted is not None,
            "reserve": reserve,
            "tags": worn.get(pk, []),
            "variants": {},
        }
        for pk, deleted, reserve in Item.objects.filter(workspace=workspace, pk__in=items).values_list(
            "pk", "deleted_at", "reserve"
        )
    }
    rows = Variant.objects.filter(workspace=workspace, item__in=items).order_by("pk")
    for pk, item, at, state, queued in rows.values_list(
        "pk", "item_id", "publish_at", "delivery__state", "queue_place__at"
    ):
        found[str(item)]["variants"][str(pk)] = {
            "at": at.isoformat() if at else "",
            "state": _decided(state),
            "queue": queued is not None and queued == at,
        }
    return found


def _decided(state: str | None) -> str:
    if state in composition.SCHEDULED:
        return "scheduled"
    return "out" if state in composition.LOCKED else ""


# ------------------------------------------------------------------------------------------------ inside


@transaction.atomic
def _each(
    *,
    workspace: Workspace,
    refs: Sequence[Ref],
    kind: str,
    act: Callable[[Item, Ref], None],
    by: Person | None,
    now: datetime,
    made: list[UUID] | None = None,
) -> Outcome:
    """Do something with each post, each in a step of its own, and write down what that changed.

    :raises UserError: ``too_many_at_once``.
    """
    require(by, Permission.PLAN_EDIT)
    if len(refs) > MOST:
        raise UserError("too_many_at_once", limit=MOST)
    ids = {one.item_id for one in refs}
    channels = set(
        Variant.objects.filter(workspace=workspace, item__in=ids).values_list("channel_id", flat=True)
    )
    closing = set(
        Channel.objects.filter(pk__in=channels, posting_slots__isnull=False)
        .exclude(pk__in=ChannelSchedule.objects.filter(closes_up=False).values("channel"))
        .values_list("pk", flat=True)
    )
    others = {one.item_id for one in queueing.queued(workspace=workspace, channels=closing, after=now)}
    before = snapshot(workspace, ids | others)
    done: list[UUID] = []
    refused: list[Refused] = []
    known = (
        Item.objects.filter(workspace=workspace, pk__in=ids).select_related("workspace", "link_to").in_bulk()
    )
    for ref in refs:
        item = known.get(ref.item_id)
        try:
            with transaction.atomic():
                if item is None:
                    raise UserError("unknown_item")
                item.refresh_from_db()
                if item.deleted_at is not None:
                    raise UserError("item_deleted")
                act(item, ref)
            done.append(item.pk)
        except UserError as error:
            title = title_of(item.title, item.text) if item else ""
            refused.append(Refused(ref, title, error))
    if done and kind != "duplicated":
        queueing.close_up(workspace=workspace, channels=closing, now=now)
    after = snapshot(workspace, ids | others | set(made or ()))
    changed = [key for key, value in after.items() if before.get(key) != value]
    change = None
    if changed:
        change = PlanChange.objects.create(
            workspace=workspace, person=by, kind=kind, made_at=now,
            before={key: before[key] for key in changed if key in before},
            after={key: after[key] for key in changed},
        )  # fmt: skip
    PlanChange.objects.filter(workspace=workspace, made_at__lt=now - KEPT).delete()
    return Outcome(change, tuple(made) if made else tuple(done), tuple(refused))


def _alone(outcome: Outcome) -> Outcome:
    """Of one post: what was refused is the error."""
    if outcome.refused:
        raise outcome.refused[0].error
    return outcome


def _stands_at(variant: Variant) -> datetime | None:
    """Where the calendar shows it: when it went out, or shall."""
    delivery = getattr(variant, "delivery", None)
    return (delivery.published_at if delivery else None) or variant.publish_at


def _same_second(one: datetime | None, other: datetime) -> bool:
    return one is not None and int(one.timestamp()) == int(other.timestamp())


def _here(item: Item, ref: Ref, locked: Collection[UUID]) -> list[Variant]:
    """The item's variants that stand at this time and may change.

    :raises UserError: ``variant_is_out``, ``nothing_to_move``, ``item_without_channels``.
    """
    every = list(
        item.variants.select_related("item", "item__link_to", "channel", "delivery").order_by("position")
    )
    if not every:
        raise UserError("item_without_channels")
    at = ref.at
    here = [
        one for one in every if (one.publish_at is None if at is None else _same_second(_stands_at(one), at))
    ]
    free = [one for one in here if one.pk not in locked]
    if free:
        return free
    if here:
        raise UserError("variant_is_out", channel=here[0].channel.name)
    raise UserError("nothing_to_move")


def _call_off(deliveries: Iterable[Delivery], by: Person | None, now: datetime) -> None:
    for one in deliveries:
        if one.state in composition.SCHEDULED:
            services.cancel(delivery=one, by=by, now=now)


def _set_time(item: Item, variant: Variant, at: datetime | None, by: Person | None, now: datetime) -> None:
    plan.put_variant(
        item=item, channel=variant.channel, placement=variant.placement, text=variant.text, publish_at=at, by=by,
        now=now,
    )  # fmt: skip


def _put_on(item: Item, channel_id: UUID, by: Person | None, now: datetime) -> None:
    channel = Channel.objects.filter(workspace=item.workspace, pk=channel_id).first()
    if channel is None:
        raise UserError("unknown_channel", field="channels")
    if not item.variants.filter(channel=channel).exists():
        places = checks.placements_of(channel)
        placement = places[0].key if places else "post"
        plan.put_variant(item=item, channel=channel, placement=placement, by=by, now=now)
