"""The plan by time. Month, week, day, list, board, lanes, export and feeds all ask :func:`calendar`, so they agree.

The state of a delivery is read through the variant's reverse relation, as a plain string: publishing lies above this
room, which knows no life cycle. Missing means that nothing is scheduled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BigIntegerField, Exists, F, Func, OuterRef, Prefetch, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Left, NullIf

from spilno.kernel.errors import UserError
from spilno.plan.models import Item, Tag, Variant
from spilno.team.models import Workspace

CALENDAR_DAYS = 62  # the longest stretch that is read at once: a month with the weeks around it, or two
SHELF = 100
TITLE = 80  # characters


class View(StrEnum):
    """How one looks at the plan."""

    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    LIST = "list"
    BOARD = "board"
    LANES = "lanes"


def period(view: str, day: date) -> tuple[date, date]:
    """The days that a view of ``day`` is about: the first one, and the one after the last."""
    if view == View.DAY:
        return day, day + timedelta(days=1)
    if view in (View.WEEK, View.LANES):
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def beside(view: str, day: date) -> tuple[date, date]:
    """A day in the period before and one in the period after."""
    first, after = period(view, day)
    return first - timedelta(days=1), after


@dataclass(frozen=True)
class Wanted:
    """What the plan is narrowed to. Within one field any of the values will do; an empty field asks for nothing."""

    channels: tuple[UUID, ...] = ()
    networks: tuple[str, ...] = ()
    initiatives: tuple[UUID, ...] = ()
    owners: tuple[UUID, ...] = ()
    states: tuple[str, ...] = ()  # of deliveries; "" is: nothing scheduled
    tags: tuple[UUID, ...] = ()
    rubrics: tuple[UUID, ...] = ()


EVERYTHING = Wanted()


class Slot(NamedTuple):
    """A variant in the plan. ``state``: the delivery's, or ``""`` if nothing is scheduled yet."""

    variant_id: UUID
    item_id: UUID
    title: str
    at: datetime  # aware UTC, to the second
    channel_id: UUID
    channel: str
    network: str
    placement: str
    state: str
    reserve: bool
    initiative_id: UUID | None
    owner_id: UUID | None


class _Seconds(Func):
    """A moment as whole seconds since 1970. Making thousands of dates out of text takes longer than the query."""

    template = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s))::bigint"
    output_field = BigIntegerField()


_FIELDS = (
    "pk", "item_id", "words", "seconds", "channel_id", "channel__name", "channel__network", "placement",
    "delivery__state", "item__reserve", "item__initiative_id", "item__owner_id",
)  # fmt: skip


def calendar(
    *, workspace: Workspace, start: datetime, end: datetime, wanted: Wanted = EVERYTHING
) -> list[Slot]:
    """What is planned or out from ``start`` (inclusive) to ``end`` (exclusive), by time: two queries.

    A published variant stands at the time it really went out.

    :raises UserError: ``period_too_long`` beyond :data:`CALENDAR_DAYS` days.
    """
    if (end - start).days > CALENDAR_DAYS:
        raise UserError("period_too_long", days=CALENDAR_DAYS)
    found = narrowed(
        Variant.objects.filter(workspace=workspace, item__deleted_at=None).order_by(), wanted
    ).annotate(
        words=Coalesce(NullIf(F("item__title"), Value("")), Left("item__text", 120)),
        seconds=_Seconds(Coalesce("delivery__published_at", "publish_at")),
    )
    # Two questions instead of one with OR over two tables, which no index answers.
    planned = found.filter(publish_at__gte=start, publish_at__lt=end)
    moved = found.filter(
        ~Q(publish_at__gte=start, publish_at__lt=end) | Q(publish_at=None),
        # Of this workspace by its own column, too: the index begins with it.
        delivery__workspace=workspace,
        delivery__published_at__gte=start,
        delivery__published_at__lt=end,
    )
    first, last = start.timestamp(), end.timestamp()
    slots = [
        _slot(row)
        for rows in (planned, moved)
        for row in rows.values_list(*_FIELDS)
        if first <= row[3] < last
    ]
    slots.sort(key=lambda one: (one.at, one.title, one.item_id, one.variant_id))
    return slots


def _slot(row: tuple[Any, ...]) -> Slot:
    (pk, item, words, seconds, channel_id, channel, network, placement, state, reserve, initiative, owner) = (
        row
    )
    at = datetime.fromtimestamp(seconds, UTC)
    return Slot(
        pk, item, short(words), at, channel_id, channel, network, placement, state or "", reserve, initiative, owner,
    )  # fmt: skip


def short(words: str, most: int = TITLE) -> str:
    """The first line there is, at most ``most`` characters."""
    if "\n" in words or words[:1].isspace():
        words = next((line.strip() for line in words.splitlines() if line.strip()), "")
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def narrowed(variants: QuerySet[Variant], wanted: Wanted) -> QuerySet[Variant]:
    """Only the variants that ``wanted`` asks for."""
    if wanted.channels:
        variants = variants.filter(channel_id__in=wanted.channels)
    if wanted.networks:
        variants = variants.filter(channel__network__in=wanted.networks)
    if wanted.initiatives:
        variants = variants.filter(item__initiative_id__in=wanted.initiatives)
    if wanted.owners:
        variants = variants.filter(item__owner_id__in=wanted.owners)
    if wanted.tags:
        tagged = Tag.items.through.objects.filter(item_id=OuterRef("item_id"), tag_id__in=wanted.tags)
        variants = variants.filter(Exists(tagged))
    if wanted.rubrics:
        variants = variants.filter(item__extra__pillar_id__in=wanted.rubrics)
    if wanted.states:
        among = Q(delivery__state__in=[one for one in wanted.states if one])
        variants = variants.filter(among | Q(delivery__isnull=True) if "" in wanted.states else among)
    return variants


def shelf(*, workspace: Workspace, wanted: Wanted = EVERYTHING, most: int = SHELF) -> list[Item]:
    """Items that stand on no day yet: reserve and ideas, the newest change first, with their variants.

    States do not narrow it: nothing on the shelf is scheduled.
    """
    dated = Variant.objects.filter(item=OuterRef("pk"), publish_at__isnull=False)
    out = Variant.objects.filter(item=OuterRef("pk"), delivery__published_at__isnull=False)
    found = Item.objects.filter(workspace=workspace, deleted_at=None).filter(~Exists(dated), ~Exists(out))
    if wanted.initiatives:
        found = found.filter(initiative_id__in=wanted.initiatives)
    if wanted.owners:
        found = found.filter(owner_id__in=wanted.owners)
    if wanted.tags:
        found = found.filter(tags__in=wanted.tags).distinct()
    if wanted.rubrics:
        found = found.filter(extra__pillar_id__in=wanted.rubrics)
    if wanted.channels or wanted.networks:
        narrow = Wanted(channels=wanted.channels, networks=wanted.networks)
        found = found.filter(Exists(narrowed(Variant.objects.filter(item=OuterRef("pk")), narrow)))
    variants = Variant.objects.select_related("channel").order_by("position")
    return list(found.order_by("-updated_at").prefetch_related(Prefetch("variants", variants))[:most])
