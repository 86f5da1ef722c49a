"""When content has to be there: the brief's date, and earlier where a channel wants it earlier.

A brief says by which day its content is due. A channel may need some days before that (an approval, a translation): its
lead time moves the date forward. A post that already has a day but no content yet has a deadline of its own: its day
less the channel's lead time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from spilno.briefs.models import Initiative, Target
from spilno.kernel import clock
from spilno.plan import schedule
from spilno.plan.models import ItemMedia, Variant
from spilno.plan.queries import title_of
from spilno.plan.schedule import LEAD_MOST, LeadTimes
from spilno.team.models import Workspace

MOST = 200  # of each kind in one answer


@dataclass(frozen=True)
class Deadline:
    """Content that is due on a day: of an initiative (``item_id`` ``None``), or of one post that is still empty.

    ``channels``: (network, name) of those it is due for; nothing: no channel is chosen yet. ``lead_days``: how much
    earlier than the brief's date, or than the post. ``planned``, ``lacking``, ``undated``: posts, how many of them
    have no content, how many no time.
    """

    on: date
    initiative_id: UUID | None
    slug: str
    title: Mapping[str, str] | str
    channels: tuple[tuple[str, str], ...] = ()
    lead_days: int = 0
    planned: int = 0
    lacking: int = 0
    undated: int = 0
    item_id: UUID | None = None
    owner_id: UUID | None = None
    ends_on: date | None = None  # the initiative's last day

    @property
    def done(self) -> bool:
        """Every post has its content and its time."""
        return self.planned > 0 and not self.lacking and not self.undated

    def overdue(self, today: date) -> bool:
        return not self.done and self.on < today


def due_between(
    *, workspace: Workspace, first: date, after: date, initiatives: Collection[UUID] = ()
) -> list[Deadline]:
    """Deadlines from ``first`` to before ``after``, by day: at most five queries. ``initiatives``: only of these."""
    found = Initiative.objects.filter(
        workspace=workspace,
        archived_at=None,
        brief__content_due__gte=first,
        brief__content_due__lt=after + timedelta(days=LEAD_MOST),
    )
    if initiatives:
        found = found.filter(pk__in=initiatives)
    briefs = _dated(found)
    empty = _empty_posts(workspace, first, after, initiatives)
    if not briefs and not empty:
        return []
    leads = schedule.lead_times(workspace)
    every = [*_of_initiatives(briefs, leads), *_of_posts(workspace, empty, leads)]
    within = [one for one in every if first <= one.on < after]
    return sorted(within, key=lambda one: (one.on, one.slug, one.channels))


def of_initiative(initiative: Initiative) -> list[Deadline]:
    """The deadlines of one brief, by day; none without a date."""
    due = initiative.brief.content_due
    if due is None:
        return []
    rows = Initiative.objects.filter(pk=initiative.pk)
    leads = schedule.lead_times(initiative.workspace)
    return sorted(_of_initiatives(_dated(rows), leads), key=lambda one: one.on)


def _without_content() -> Q:
    """A variant with no words of its own and none in common, whose item has no picture."""
    return Q(text="", item__text="") & ~Q(Exists(ItemMedia.objects.filter(item=OuterRef("item_id"))))


def _dated(found: QuerySet[Initiative]) -> list[Any]:
    """Those with a content date: id, slug, title, date, owner, last day."""
    return list(
        found.exclude(brief__content_due=None)
        .order_by("brief__content_due", "pk")
        .values_list("pk", "slug", "title", "brief__content_due", "owner_id", "ends_on")[:MOST]
    )


def _of_initiatives(rows: Sequence[Any], leads: LeadTimes) -> list[Deadline]:
    ids = [row[0] for row in rows]
    if not ids:
        return []
    planned: dict[UUID, dict[UUID, tuple[int, int, int]]] = {}
    counted = (
        Variant.objects.filter(item__initiative__in=ids, item__deleted_at=None, item__reserve=False)
        .order_by()
        .values("item__initiative_id", "channel_id", "channel__network", "channel__name")
        .annotate(
            planned=Count("pk"),
            lacking=Count("pk", filter=_without_content()),
            undated=Count("pk", filter=Q(publish_at=None)),
        )
    )
    names: dict[UUID, tuple[str, str]] = {}
    for one in counted:
        names[one["channel_id"]] = (one["channel__network"], one["channel__name"])
        of_channel = planned.setdefault(one["item__initiative_id"], {})
        of_channel[one["channel_id"]] = (one["planned"], one["lacking"], one["undated"])
    for pk, channel, network, name in Target.objects.filter(
        brief__initiative__in=ids, channel__isnull=False
    ).values_list("brief__initiative_id", "channel_id", "channel__network", "channel__name"):
        assert channel is not None
        assert network is not None
        assert name is not None
        names[channel] = (network, name)
        planned.setdefault(pk, {}).setdefault(channel, (0, 0, 0))
    every = []
    for pk, slug, title, due, owner, ends_on in rows:
        if due is None:
            continue
        by_lead: dict[int, list[UUID]] = {}
        for channel in planned.get(pk, {}):
            by_lead.setdefault(leads.of(channel), []).append(channel)
        for lead, channels in sorted(by_lead.items()) or [(0, [])]:
            sums = [planned[pk][one] for one in channels] or [(0, 0, 0)]
            every.append(
                Deadline(
                    on=due - timedelta(days=lead),
                    initiative_id=pk,
                    slug=slug,
                    title=title,
                    channels=tuple(sorted(names[one] for one in channels)),
                    lead_days=lead,
                    planned=sum(one[0] for one in sums),
                    lacking=sum(one[1] for one in sums),
                    undated=sum(one[2] for one in sums),
                    owner_id=owner,
                    ends_on=ends_on,
                )
            )
    return every


def _empty_posts(workspace: Workspace, first: date, after: date, initiatives: Collection[UUID]) -> list[Any]:
    """Posts that have a time and nothing else, also those whose lead time may bring them into these days."""
    zone = workspace.time_zone
    found = Variant.objects.filter(
        _without_content(),
        workspace=workspace,
        item__deleted_at=None,
        publish_at__gte=clock.day_start(first, zone),
        publish_at__lt=clock.day_start(after + timedelta(days=LEAD_MOST), zone),
        delivery__published_at=None,
    ).order_by("publish_at")
    if initiatives:
        found = found.filter(item__initiative__in=initiatives)
    rows = found.values_list(
        "item_id", "publish_at", "channel_id", "channel__network", "channel__name", "item__title",
        "item__initiative_id", "item__initiative__slug", "item__owner_id",
    )  # fmt: skip
    return list(rows[:MOST])


def _of_posts(workspace: Workspace, rows: Sequence[Any], leads: LeadTimes) -> list[Deadline]:
    zone, every = workspace.time_zone, dict[tuple[UUID, date], Deadline]()
    for row in rows:
        item, at, channel, network, name, title, initiative, slug, owner = row
        if at is None:
            continue
        lead = leads.of(channel)
        on = clock.local_day(at, zone) - timedelta(days=lead)
        known = every.get((item, on))
        every[item, on] = Deadline(
            on=on, initiative_id=initiative, slug=slug or "", title=title_of(title, ""), lead_days=lead,
            channels=((*known.channels, (network, name)) if known else ((network, name),)), item_id=item,
            planned=1, lacking=1, owner_id=owner,
        )  # fmt: skip
    return list(every.values())
