"""The week as lanes: one row for each channel, with its posts and its free slots as places to drop something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from spilno.channels.models import Channel
from spilno.interfaces.web import plan_marks
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.plan_marks import Entry
from spilno.interfaces.web.planning import Desk, Shelved, entries, shelved
from spilno.interfaces.web.reading import uuid_of
from spilno.interfaces.web.views import plan_moves
from spilno.kernel import clock, wall_clock
from spilno.plan import public_days, schedule
from spilno.plan.models import Item, PlanChange
from spilno.publishing import rearranging
from spilno.team.permissions import Permission

PER_CELL = 12  # posts of one channel on one day that are drawn


@dataclass(frozen=True)
class Place:
    """Something in a cell: a post (``entry``), or a free slot."""

    at: datetime
    wall: str  # the workspace's clock, as the server takes it back
    entry: Entry | None = None

    @property
    def look(self) -> str:
        return plan_marks.LOOKS.get(self.entry.state, ("", "dot"))[0] if self.entry else ""


@dataclass(frozen=True)
class Cell:
    day: date
    places: tuple[Place, ...]
    hidden: int
    holiday: str = ""


@dataclass(frozen=True)
class Lane:
    channel: Channel
    cells: tuple[Cell, ...]
    slots: int  # in a week
    schedule_url: str


@dataclass(frozen=True)
class LanesPage:
    desk: Desk
    days: tuple[date, ...]
    holidays: Mapping[date, str]
    lanes: tuple[Lane, ...]
    shelf: tuple[Shelved, ...]
    move_url: str
    copy_url: str
    delete_url: str
    queue_url: str
    create_url: str
    deleted: Item | None
    change: PlanChange | None

    @property
    def has_slots(self) -> bool:
        return any(one.slots for one in self.lanes)


def page(desk: Desk, *, deleted: Item | None, change: PlanChange | None) -> HttpResponse:
    """A week of lanes."""
    workspace, zone = desk.workspace, ZoneInfo(desk.workspace.time_zone)
    first, after = desk.period
    days = tuple(first + timedelta(days=number) for number in range((after - first).days))
    posts: dict[tuple[UUID, date], list[Place]] = {}
    for entry in entries(workspace, desk.filters, first, after):
        local = entry.at.astimezone(zone)
        for slot in entry.slots:
            one = Place(entry.at, f"{local:%Y-%m-%dT%H:%M}", Entry((slot,)))
            posts.setdefault((slot.channel_id, local.date()), []).append(one)
    ours = _channels(desk, {channel for channel, _day in posts})
    settings = schedule.settings_of(workspace)
    rules = schedule.rules_of(workspace=workspace, first=first, after=after, settings=settings)
    free = schedule.free_slots(workspace=workspace, first=first, after=after, now=clock.now(), rules=rules)
    for channel, times in free.items():
        for at in times:
            local = at.astimezone(zone)
            posts.setdefault((channel, local.date()), []).append(Place(at, f"{local:%Y-%m-%dT%H:%M}"))
    slug, edits = workspace.slug, desk.may_edit
    found = LanesPage(
        desk=desk,
        days=days,
        holidays=public_days.between(settings.country, first, after, language=desk.request.LANGUAGE_CODE),
        lanes=tuple(
            Lane(
                one,
                tuple(_cell(posts.get((one.pk, day), []), day, rules[one.pk].holidays) for day in days),
                len(rules[one.pk].slots),
                reverse("plan-schedule-channel", args=[slug, one.key]),
            )
            for one in ours
        ),
        shelf=shelved(desk),
        move_url=reverse("plan-move", args=[slug, "__id__"]) if edits else "",
        copy_url=reverse("plan-duplicate", args=[slug, "__id__"]) if edits else "",
        delete_url=reverse("plan-remove", args=[slug, "__id__"]) if edits else "",
        queue_url=reverse("plan-queue", args=[slug, "__id__"]) if edits and desk.may_publish else "",
        create_url=reverse("plan-new", args=[slug]) if edits else "",
        deleted=deleted,
        change=change,
    )
    return render(desk.request, "plan/lanes.html", {"page": found, "desk": desk})


def _channels(desk: Desk, busy: set[UUID]) -> list[Channel]:
    """The lanes: connected channels and those with something in this week, as the plan is narrowed."""
    filters = desk.filters
    wanted = Channel.objects.filter(workspace=desk.workspace).select_related("owner").order_by("name")
    if filters.channel:
        wanted = wanted.filter(pk__in=filters.channel)
    if filters.network:
        wanted = wanted.filter(network__in=filters.network)
    return [one for one in wanted if one.is_active or one.pk in busy]


def _cell(places: list[Place], day: date, holidays: Mapping[date, str]) -> Cell:
    ordered = sorted(places, key=lambda one: (one.at, one.entry is None))
    return Cell(day, tuple(ordered[:PER_CELL]), max(0, len(ordered) - PER_CELL), holidays.get(day, ""))


@require_POST
@needs(Permission.PUBLISH)
def queue(request: WorkspaceRequest, event: str) -> HttpResponse:
    """Schedule a post at the next free slot of its channels (or of ``channel`` alone)."""
    workspace = request.workspace
    ref = plan_moves.checked_ref(workspace, event)
    channel = uuid_of(request.POST.get("channel", ""))
    outcome = rearranging.to_queue(
        workspace=workspace, refs=[ref], by=request.person, now=clock.now(),
        channels=[channel] if channel else None,
    )  # fmt: skip
    if outcome.refused:
        return JsonResponse({"problem": text_of(outcome.refused[0].error)}, status=409)
    first = Item.objects.get(pk=ref.item_id).variants.order_by("publish_at").first()
    said = _("In the queue")
    if first and first.publish_at:
        said = _("In the queue for %(day)s, %(time)s") % plan_moves.day_words(
            first.publish_at, workspace.time_zone, request.LANGUAGE_CODE
        )
    return JsonResponse(
        {
            "message": said,
            "undo": plan_moves.undo_url(workspace, outcome),
            "start": wall_clock.shown(first.publish_at if first else None, workspace.time_zone),
        }
    )


urlpatterns: list[URLPattern] = [
    path("plan/queue/<str:event>/", queue, name="plan-queue"),
]
