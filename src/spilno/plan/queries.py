"""Reading the plan.

The state of a delivery is read through the variant's reverse relation, as a plain string: publishing lies
above this room, which knows no life cycle. Missing means that nothing is scheduled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, prefetch_related_objects
from django.db.models.functions import Left
from django.urls import reverse

from spilno.briefs.models import Initiative
from spilno.kernel.errors import UserError
from spilno.plan.media import path_of, public_url
from spilno.plan.models import Item, Media, Variant
from spilno.team.models import Workspace
from spilno.toolkit.networks.base import MediaFile, Outgoing

CALENDAR_DAYS = 62  # the longest stretch that is read at once: a month with the weeks around it, or two
SHELF = 100


def text_of(variant: Variant) -> str:
    """Its own text, or the item's common one."""
    return variant.text or variant.item.text


def link_of(variant: Variant) -> str:
    """The link that goes out with it: the typed one, or the address of the post that the item leads to.

    Empty as long as that post is not out (:func:`outgoing` refuses then).
    """
    item = variant.item
    if item.link_to_id is not None and not item.link:
        return address_of(item.link_to_id)
    if not item.link:
        return ""
    # A post that leads to one of our public pages carries its own short link, so that its visits are known.
    short = variant.links.filter(target=item.link).values_list("code", flat=True).first()
    return f"{settings.SPILNO_PUBLIC_URL}{reverse('public-link', args=[short])}" if short else item.link


def address_of(item_id: UUID) -> str:
    """Where the item's post can be seen: the first published one that has an address; "" as long as there is none."""
    found = (
        Variant.objects.filter(item_id=item_id, delivery__state="published")
        .exclude(delivery__external_url="")
        .order_by("position")
        .values_list("delivery__external_url", flat=True)
        .first()
    )
    return found or ""


def media_of(item: Item) -> list[Media]:
    """The item's pictures in their order."""
    return [one.media for one in sorted(item.itemmedia_set.all(), key=lambda one: one.position)]


def title_of(title: str, text: str, *, most: int = 80) -> str:
    """What to call an item: its title, else the beginning of its text, at most ``most`` characters."""
    words = title or next((line.strip() for line in text.splitlines() if line.strip()), "")
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def media_files(media: Iterable[Media], *, now: datetime | None = None) -> tuple[MediaFile, ...]:
    """Pictures as networks take them. With ``now`` they carry a public address (valid for a day from then)."""
    return tuple(
        MediaFile(
            path=path_of(one),
            mime=one.mime,
            bytes=one.bytes,
            width=one.width,
            height=one.height,
            alt=one.alt,
            url=public_url(one, now) if now else "",
        )
        for one in media
    )


def outgoing(*, variant: Variant, key: str, now: datetime) -> Outgoing:
    """The variant ready to leave, read anew: what is in the database now, not what was when it was scheduled.

    :param key: the delivery's own key, stable over all attempts.
    :raises UserError: ``item_deleted``; ``linked_post_not_out`` if the item leads to a post without an
        address yet.
    """
    return composed(
        variant=Variant.objects.select_related("item", "item__link_to", "workspace").get(pk=variant.pk),
        key=key,
        now=now,
    )


def composed(*, variant: Variant, key: str, now: datetime) -> Outgoing:
    """:func:`outgoing` of a variant that was read this moment, with its item."""
    fresh, item = variant, variant.item
    prefetch_related_objects([item], "itemmedia_set__media")
    if item.deleted_at is not None:
        raise UserError("item_deleted")
    link = link_of(fresh)
    if item.link_to is not None and not link:
        raise UserError("linked_post_not_out", title=title_of(item.link_to.title, item.link_to.text))
    return Outgoing(
        key=key,
        placement=fresh.placement,
        text=text_of(fresh),
        media=media_files(media_of(item), now=now),
        link=link,
        language=fresh.workspace.language,
    )


def items(workspace: Workspace) -> QuerySet[Item]:
    """Items that are not deleted."""
    return Item.objects.filter(workspace=workspace, deleted_at=None)


def item_of(workspace: Workspace, pk: UUID) -> Item | None:
    """One item with everything a page about it needs; deleted ones too, because deleting can be undone."""
    return (
        Item.objects.filter(workspace=workspace, pk=pk)
        .select_related("workspace", "initiative", "link_to", "owner")
        .prefetch_related(
            "itemmedia_set__media",
            Prefetch("variants", Variant.objects.select_related("channel", "delivery").order_by("position")),
        )
        .first()
    )


# ------------------------------------------------------------------------------------------------ calendar


@dataclass(frozen=True)
class Slot:
    """A variant in the plan. ``state``: the delivery's, or ``""`` if nothing is scheduled yet."""

    variant_id: UUID
    item_id: UUID
    title: str
    at: datetime | None  # aware UTC
    channel_id: UUID | None
    channel: str
    network: str
    placement: str
    state: str
    reserve: bool
    initiative_id: UUID | None


_FIELDS = (
    "pk", "item_id", "publish_at", "channel_id", "placement", "item__title", "beginning", "item__reserve",
    "item__initiative_id", "channel__name", "channel__network", "delivery__state", "delivery__due_at",
    "delivery__published_at",
)  # fmt: skip


def calendar(
    *,
    workspace: Workspace,
    start: datetime,
    end: datetime,
    channels: Collection[UUID] = (),
    initiative: UUID | None = None,
    states: Collection[str] = (),
) -> list[Slot]:
    """What is planned or out from ``start`` (inclusive) to ``end`` (exclusive), by time: two queries.

    A published variant stands at the time it really went out. ``states``: delivery states to keep, ``""`` for
    what is not scheduled; nothing named keeps all.

    :raises UserError: ``period_too_long`` beyond :data:`CALENDAR_DAYS` days.
    """
    if (end - start).days > CALENDAR_DAYS:
        raise UserError("period_too_long", days=CALENDAR_DAYS)
    wanted = _filtered(_live(workspace), channels, initiative, states)
    # Two questions instead of one with OR over two tables, which no index answers.
    planned = wanted.filter(publish_at__gte=start, publish_at__lt=end)
    moved = wanted.filter(
        ~Q(publish_at__gte=start, publish_at__lt=end) | Q(publish_at=None),
        delivery__state="published",
        delivery__published_at__gte=start,
        delivery__published_at__lt=end,
    )
    slots = [_slot(row) for rows in (planned, moved) for row in rows.values(*_FIELDS)]
    return sorted(
        (one for one in slots if one.at is not None and start <= one.at < end),
        key=lambda one: (one.at, one.title, one.item_id),
    )


def _live(workspace: Workspace) -> QuerySet[Variant]:
    return (
        Variant.objects.filter(workspace=workspace, item__deleted_at=None)
        .annotate(beginning=Left("item__text", 120))
        .order_by("publish_at")
    )


def _filtered(
    variants: QuerySet[Variant],
    channels: Collection[UUID],
    initiative: UUID | None,
    states: Collection[str],
) -> QuerySet[Variant]:
    if channels:
        variants = variants.filter(channel_id__in=channels)
    if initiative is not None:
        variants = variants.filter(item__initiative_id=initiative)
    if states:
        among = Q(delivery__state__in=[one for one in states if one])
        variants = variants.filter(among | Q(delivery__isnull=True) if "" in states else among)
    return variants


def _slot(row: dict[str, Any]) -> Slot:
    return Slot(
        variant_id=row["pk"],
        item_id=row["item_id"],
        title=title_of(row["item__title"], row["beginning"]),
        at=row["delivery__published_at"] or row["publish_at"],
        channel_id=row["channel_id"],
        channel=row["channel__name"],
        network=row["channel__network"],
        placement=row["placement"],
        state=row["delivery__state"] or "",
        reserve=row["item__reserve"],
        initiative_id=row["item__initiative_id"],
    )


def shelf(*, workspace: Workspace, initiative: UUID | None = None, most: int = SHELF) -> list[Item]:
    """Items that stand on no day yet: reserve and ideas, the newest change first, with their variants."""
    dated = Variant.objects.filter(item=OuterRef("pk"), publish_at__isnull=False)
    out = Variant.objects.filter(item=OuterRef("pk"), delivery__published_at__isnull=False)
    found = items(workspace).filter(~Exists(dated), ~Exists(out))
    if initiative is not None:
        found = found.filter(initiative_id=initiative)
    variants = Variant.objects.select_related("channel").order_by("position")
    return list(found.order_by("-updated_at").prefetch_related(Prefetch("variants", variants))[:most])


def of_initiative(initiative: Initiative) -> list[Item]:
    """An initiative's items, reserve included, with variants, channels and deliveries, by time (undated
    last).
    """
    variants = Variant.objects.select_related("channel", "delivery").order_by("position")
    found = (
        items(initiative.workspace)
        .filter(initiative=initiative)
        .prefetch_related(Prefetch("variants", variants), "itemmedia_set__media")
    )

    def when(item: Item) -> tuple[bool, float]:
        times = [one.publish_at.timestamp() for one in item.variants.all() if one.publish_at]
        return (not times, min(times, default=item.created_at.timestamp()))

    return sorted(found, key=when)


# ------------------------------------------------------------------------------------------------ library


def library(workspace: Workspace) -> QuerySet[Media]:
    """The workspace's pictures, newest first, each with ``uses``: how many items (not deleted) show it."""
    return (
        Media.objects.filter(workspace=workspace)
        .annotate(
            uses=Count("items", filter=Q(items__deleted_at=None), distinct=True),
            kept_by_deleted=Count("items", filter=Q(items__deleted_at__isnull=False), distinct=True),
        )
        .order_by(F("created_at").desc(), "pk")
    )
