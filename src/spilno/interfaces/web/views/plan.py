"""The plan: what goes out when and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from spilno.briefs.models import Initiative
from spilno.channels.models import Channel
from spilno.interfaces.web import plan_marks
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.plan_marks import Entry, Mark
from spilno.interfaces.web.reading import uuid_of
from spilno.interfaces.web.views import initiative_plan
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan import queries
from spilno.plan.models import Item, Variant
from spilno.publishing import composition
from spilno.team.models import Workspace
from spilno.team.permissions import Permission, may

ROWS = 200  # of the list, on one page
SHELF_MOST = 60


@dataclass(frozen=True)
class Filters:
    """What the plan is narrowed to. Values that this workspace does not have are not there."""

    channel: UUID | None = None
    initiative: UUID | None = None
    state: str = ""

    @property
    def states(self) -> tuple[str, ...]:
        return plan_marks.GROUPS.get(self.state, ())

    @property
    def query(self) -> str:
        said = {"channel": self.channel, "initiative": self.initiative, "state": self.state}
        return urlencode({key: str(value) for key, value in said.items() if value})

    def slots(self, workspace: Workspace, start: datetime, end: datetime) -> list[queries.Slot]:
        return queries.calendar(
            workspace=workspace,
            start=start,
            end=end,
            channels=[self.channel] if self.channel else (),
            initiative=self.initiative,
            states=self.states,
        )


def filters_of(query: QueryDict) -> Filters:
    return Filters(
        channel=uuid_of(query.get("channel", "")),
        initiative=uuid_of(query.get("initiative", "")),
        state=query.get("state", "") if query.get("state", "") in plan_marks.GROUPS else "",
    )


@dataclass(frozen=True)
class Shelved:
    """A card beside the calendar: reserve or an idea, ready to be dragged onto a day."""

    id: UUID
    title: str
    reserve: bool
    marks: tuple[Mark, ...]
    url: str


@dataclass(frozen=True)
class PlanPage:
    view: str  # "calendar" or "list"
    views: tuple[Mapping[str, Any], ...]
    filters: Filters
    channels: tuple[Channel, ...]
    initiatives: tuple[tuple[UUID, str], ...]
    groups: tuple[tuple[str, str], ...]
    shelf: tuple[Shelved, ...]
    marks: Mapping[str, Mapping[str, str]]
    events_url: str
    move_url: str
    create_url: str
    item_url: str
    may_edit: bool
    deleted: Item | None
    anything: bool
    days: tuple[tuple[date, tuple[Entry, ...]], ...] = ()
    page: Page[Entry] | None = None
    month: date | None = None
    before: str = ""  # the month before and the next one
    after: str = ""
    earlier: str = ""  # pages of a very full month
    later: str = ""
    today: date | None = None
    next_day: date | None = None  # the first day with something from today on
    today_url: str = ""


@require_GET
@needs(Permission.VIEW)
def plan(request: WorkspaceRequest) -> HttpResponse:
    """Calendar, or with ``?view=list`` a list of the month that needs no script."""
    workspace, language = request.workspace, request.LANGUAGE_CODE
    filters = filters_of(request.GET)
    view = "list" if request.GET.get("view") == "list" else "calendar"
    here = reverse("plan", args=[workspace.slug])
    channels = tuple(Channel.objects.filter(workspace=workspace).order_by("name"))
    may_edit = may(request.person, Permission.PLAN_EDIT)
    common: dict[str, Any] = {
        "view": view,
        "views": (
            {"key": "calendar", "label": _("Calendar"), "url": f"{here}?{filters.query}", "icon": "plan"},
            {"key": "list", "label": _("List"), "url": f"{here}?view=list&{filters.query}", "icon": "text"},
        ),
        "filters": filters,
        "channels": channels,
        "initiatives": tuple(
            (one.pk, pick(one.title, language))
            for one in Initiative.objects.filter(workspace=workspace, archived_at=None).order_by("-ends_on")
        ),
        "groups": tuple((key, str(label)) for key, label in plan_marks.GROUP_LABELS.items()),
        "marks": {one.network: vars(plan_marks.mark_of(one.network, language)) for one in channels},
        "events_url": _url("plan-events", workspace, query=filters.query),
        "move_url": _url("plan-move", workspace, "__id__") if may_edit else "",
        "create_url": _url("plan-new", workspace) if may_edit else "",
        "item_url": reverse("plan-item", args=[workspace.slug, UUID(int=0)]).replace(
            str(UUID(int=0)), "__id__"
        ),
        "may_edit": may_edit,
        "deleted": _deleted(workspace, request.GET.get("undo", "")),
        "shelf": (),
        "anything": True,
    }
    if view == "list":
        page = _list_page(request, filters, here, common)
        return render(request, "plan/list.html", {"page": page})
    common["shelf"] = _shelf(workspace, filters, language)
    common["anything"] = bool(common["shelf"]) or Variant.objects.filter(workspace=workspace).exists()
    return render(request, "plan/calendar.html", {"page": PlanPage(**common)})


def _url(name: str, workspace: Workspace, *args: Any, query: str = "") -> str:
    url = reverse(name, args=[workspace.slug, *args])
    return f"{url}?{query}" if query else url


def _deleted(workspace: Workspace, text: str) -> Item | None:
    pk = uuid_of(text)
    return Item.objects.filter(workspace=workspace, pk=pk, deleted_at__isnull=False).first() if pk else None


def _shelf(workspace: Workspace, filters: Filters, language: str) -> tuple[Shelved, ...]:
    found = queries.shelf(workspace=workspace, initiative=filters.initiative, most=SHELF_MOST)
    return tuple(
        Shelved(
            id=one.pk,
            title=queries.title_of(one.title, one.text) or _("Without words yet"),
            reserve=one.reserve,
            marks=tuple(
                plan_marks.mark_of(key, language)
                for key in dict.fromkeys(variant.channel.network for variant in one.variants.all())
            ),
            url=reverse("plan-item", args=[workspace.slug, one.pk]),
        )
        for one in found
        if filters.channel is None
        or filters.channel in {variant.channel_id for variant in one.variants.all()}
    )


def _list_page(request: WorkspaceRequest, filters: Filters, here: str, common: dict[str, Any]) -> PlanPage:
    workspace, zone = request.workspace, request.workspace.time_zone
    today = clock.local_day(clock.now(), zone)
    month = _month(request.GET.get("month", "")) or today.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    previous = (month - timedelta(days=1)).replace(day=1)
    slots = filters.slots(workspace, clock.day_start(month, zone), clock.day_start(following, zone))
    page = Paginator(plan_marks.entries(slots), ROWS).get_page(request.GET.get("page"))
    days: dict[date, list[Entry]] = {}
    for entry in page.object_list:
        assert entry.first.at is not None
        days.setdefault(clock.local_day(entry.first.at, zone), []).append(entry)

    def link(to: date, number: int = 1) -> str:
        said: dict[str, Any] = {"view": "list", "month": f"{to:%Y-%m}"} | (
            {"page": number} if number > 1 else {}
        )
        return f"{here}?{urlencode(said)}" + (f"&{filters.query}" if filters.query else "")

    return PlanPage(
        **common,
        days=tuple((day, tuple(found)) for day, found in days.items()),
        page=page,
        month=month,
        today=today,
        next_day=next((day for day in days if day >= today), None),
        today_url=f"{link(today)}#today",
        before=link(previous),
        after=link(following),
        earlier=link(month, page.previous_page_number()) if page.has_previous() else "",
        later=link(month, page.next_page_number()) if page.has_next() else "",
    )


def _month(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        return None


@require_GET
@gzip_page
@needs(Permission.VIEW)
def events(request: WorkspaceRequest) -> HttpResponseBase:
    """The calendar's events as JSON. ``start`` and ``end``: ISO dates in the workspace's zone, times are ignored."""
    zone = request.workspace.time_zone
    try:
        first = date.fromisoformat(request.GET["start"][:10])
        last = date.fromisoformat(request.GET["end"][:10])
        start, end = clock.day_start(first, zone), clock.day_start(last, zone)
        slots = filters_of(request.GET).slots(request.workspace, start, end)
    except (KeyError, ValueError, OverflowError):
        return JsonResponse({"problem": _("The calendar asked for an impossible period.")}, status=400)
    except UserError as error:
        return JsonResponse({"problem": text_of(error)}, status=400)
    local = ZoneInfo(zone)
    found = []
    for entry in plan_marks.entries(slots):
        look, icon = plan_marks.LOOKS.get(entry.state, ("", "dot"))
        slot = entry.first
        assert slot.at is not None
        one: dict[str, Any] = {
            "id": f"{slot.item_id}@{int(slot.at.timestamp())}",
            "title": slot.title or _("Without words yet"),
            "start": f"{slot.at.astimezone(local):%Y-%m-%dT%H:%M}",
            "networks": entry.networks,
            "icon": icon,
            "state": f"{entry.channels} · {entry.state_word}",
        }
        if look:
            one["look"] = look
        if not entry.movable:
            one["editable"] = False
        found.append(one)
    # Cyrillic as it is: escaped it would be six times as long.
    return JsonResponse(found, safe=False, json_dumps_params={"ensure_ascii": False})


@require_POST
@needs(Permission.PLAN_EDIT)
def move(request: WorkspaceRequest, event: str) -> HttpResponse:
    """Another time for a post: ``event`` is ``ITEM@SECONDS`` as the calendar knows it, or ``ITEM`` from the shelf.

    ``start``: wall clock of the workspace.
    """
    workspace = request.workspace
    item, old = _moved(workspace, event)
    try:
        wall = _wall(request.POST.get("start", ""))
        at = clock.from_wall(wall, workspace.time_zone)
        composition.move(item=item, at=at, by=request.person, now=clock.now(), from_at=old)
    except UserError as error:
        return JsonResponse({"problem": text_of(error)}, status=409)
    except (ValueError, OverflowError):
        return JsonResponse({"problem": _("This is not a time.")}, status=400)
    local = at.astimezone(ZoneInfo(workspace.time_zone))
    said = _("Moved to %(day)s, %(time)s") % {
        "day": date_format(local, "j E" if request.LANGUAGE_CODE != "en" else "j F"),
        "time": f"{local:%H:%M}",
    }
    return JsonResponse({"message": said, "id": f"{item.pk}@{int(at.timestamp())}"})


def _wall(text: str) -> datetime:
    """A time as the calendar sends it; a bare day (dropped onto the month) means noon."""
    return datetime.fromisoformat(f"{text}T12:00" if len(text) == 10 else text)


def _moved(workspace: Workspace, event: str) -> tuple[Item, datetime | None]:
    pk, _at, seconds = event.partition("@")
    found = uuid_of(pk)
    item = queries.items(workspace).filter(pk=found).first() if found else None
    try:
        old = datetime.fromtimestamp(int(seconds), UTC) if seconds else None
    except (ValueError, OverflowError):
        raise Http404 from None
    if item is None:
        raise Http404
    return item, old


urlpatterns = [
    path("plan/", plan, name="plan"),
    path("plan/events.json", events, name="plan-events"),
    path("plan/move/<str:event>/", move, name="plan-move"),
    *initiative_plan.urlpatterns,
]
