"""The plan: what goes out when and where. Month, week, day, list, board, lanes: one question drawn differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from spilno.interfaces.web import plan_marks
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.plan_marks import Entry
from spilno.interfaces.web.planning import Desk, Shelved, desk_of, entries, shelved
from spilno.interfaces.web.reading import uuid_of
from spilno.interfaces.web.views import (
    calendar_data,
    initiative_plan,
    lanes,
    plan_feeds,
    plan_import,
    plan_moves,
    schedule,
)
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan import deadlines, saved_views, tags
from spilno.plan.calendar import View
from spilno.plan.models import Item, PlanChange, Variant
from spilno.team.permissions import Permission

ROWS = 200  # of the list, on one page
CARDS = 60  # of each column of the board


@dataclass(frozen=True)
class CalendarPage:
    """Month, week or day: the browser draws them from :mod:`calendar_data`."""

    desk: Desk
    shelf: tuple[Shelved, ...]
    marks: Mapping[str, Mapping[str, str]]
    events_url: str
    hints_url: str
    move_url: str
    copy_url: str
    delete_url: str
    create_url: str
    item_url: str
    deleted: Item | None
    change: PlanChange | None
    anything: bool


@dataclass(frozen=True)
class ListPage:
    """The list of a month; needs no script."""

    desk: Desk
    days: tuple[tuple[date, tuple[Entry, ...]], ...]
    page: Page[Entry]
    tags: Mapping[UUID, list[str]]
    deadlines: Mapping[date, list[deadlines.Deadline]]
    next_day: date | None  # the first day with something from today on
    earlier: str  # pages of a very full month
    later: str
    create_url: str
    deleted: Item | None
    change: PlanChange | None


@dataclass(frozen=True)
class Column:
    """A state of the board with its posts, of which only the first are drawn."""

    key: str
    label: str
    cards: tuple[Entry, ...]
    count: int

    @property
    def hidden(self) -> int:
        return self.count - len(self.cards)


@dataclass(frozen=True)
class BoardPage:
    desk: Desk
    columns: tuple[Column, ...]
    create_url: str
    deleted: Item | None
    change: PlanChange | None


@require_GET
@needs(Permission.VIEW)
def plan(request: WorkspaceRequest) -> HttpResponse:
    """The plan as its address says; without one, as this person looked at it last."""
    kept = saved_views.of_person(request.person)
    last = next((one.query for one in kept if not one.name), "")
    if last and not request.GET:
        return redirect(f"{reverse('plan', args=[request.workspace.slug])}?{last}")
    desk = desk_of(request, kept)
    if "view" in request.GET and not request.headers.get("HX-Request"):
        saved_views.remember(person=request.person, query=desk.kept_query, views=kept)
    if desk.view == View.LIST:
        return _list(desk)
    if desk.view == View.BOARD:
        return _board(desk)
    if desk.view == View.LANES:
        return lanes.page(desk, deleted=_deleted(desk), change=_change(desk))
    return _calendar(desk)


def _calendar(desk: Desk) -> HttpResponse:
    workspace, language = desk.workspace, desk.request.LANGUAGE_CODE
    shelf = shelved(desk)
    slug, edits = workspace.slug, desk.may_edit
    item_url = reverse("plan-item", args=[slug, UUID(int=0)]).replace(str(UUID(int=0)), "__id__")
    page = CalendarPage(
        desk=desk,
        shelf=shelf,
        marks={one: vars(plan_marks.mark_of(one, language)) for one in desk.networks},
        events_url=f"{reverse('plan-events', args=[slug])}?{desk.filters.query}",
        hints_url=f"{reverse('plan-hints', args=[slug])}?{desk.filters.query}",
        move_url=reverse("plan-move", args=[slug, "__id__"]) if edits else "",
        copy_url=reverse("plan-duplicate", args=[slug, "__id__"]) if edits else "",
        delete_url=reverse("plan-remove", args=[slug, "__id__"]) if edits else "",
        create_url=reverse("plan-new", args=[slug]) if edits else "",
        item_url=item_url,
        deleted=_deleted(desk),
        change=_change(desk),
        anything=bool(shelf) or Variant.objects.filter(workspace=workspace).exists(),
    )
    return render(desk.request, "plan/calendar.html", {"page": page, "desk": desk})


def _deleted(desk: Desk) -> Item | None:
    pk = uuid_of(desk.request.GET.get("undo", ""))
    found = Item.objects.filter(workspace=desk.workspace, pk=pk, deleted_at__isnull=False) if pk else None
    return found.first() if found is not None else None


def _change(desk: Desk) -> PlanChange | None:
    """The step just made, offered to be taken back."""
    pk = uuid_of(desk.request.GET.get("change", ""))
    if not pk or not desk.may_edit:
        return None
    return PlanChange.objects.filter(
        workspace=desk.workspace, person=desk.request.person, pk=pk, undone_at=None
    ).first()


def _list(desk: Desk) -> HttpResponse:
    workspace, zone = desk.workspace, desk.workspace.time_zone
    page = Paginator(entries(workspace, desk.filters, *desk.period), ROWS).get_page(
        desk.request.GET.get("page")
    )
    days: dict[date, list[Entry]] = {}
    for entry in page.object_list:
        days.setdefault(clock.local_day(entry.at, zone), []).append(entry)
    due: dict[date, list[deadlines.Deadline]] = {}
    if page.number == 1:
        for one in deadlines.due_between(
            workspace=workspace, first=desk.first, after=desk.period[1], initiatives=desk.filters.initiative
        ):
            due.setdefault(one.on, []).append(one)
    shown = sorted({*days, *due})
    found = ListPage(
        desk=desk,
        days=tuple((day, tuple(days.get(day, ()))) for day in shown),
        page=page,
        tags=tags.of_items({one.item_id for one in page.object_list}),
        deadlines=due,
        next_day=next((day for day in shown if day >= desk.today), None),
        earlier=desk.url(page=page.previous_page_number()) if page.has_previous() else "",
        later=desk.url(page=page.next_page_number()) if page.has_next() else "",
        create_url=_create_url(desk),
        deleted=_deleted(desk),
        change=_change(desk),
    )
    return render(desk.request, "plan/list.html", {"page": found, "desk": desk})


def _board(desk: Desk) -> HttpResponse:
    by_group: dict[str, list[Entry]] = {key: [] for key in plan_marks.GROUPS}
    for entry in entries(desk.workspace, desk.filters, *desk.period):
        by_group[plan_marks.group_of(entry.state)].append(entry)
    found = BoardPage(
        desk=desk,
        columns=tuple(
            Column(key, str(plan_marks.GROUP_LABELS[key]), tuple(rows[:CARDS]), len(rows))
            for key, rows in by_group.items()
        ),
        create_url=_create_url(desk),
        deleted=_deleted(desk),
        change=_change(desk),
    )
    return render(desk.request, "plan/board.html", {"page": found, "desk": desk})


def _create_url(desk: Desk) -> str:
    return reverse("plan-new", args=[desk.workspace.slug]) if desk.may_edit else ""


@require_POST
@needs(Permission.VIEW)
def keep_view(request: WorkspaceRequest) -> HttpResponse:
    """Keep this way of looking at the plan under a name, or forget one."""
    forget = uuid_of(request.POST.get("forget", ""))
    back = request.POST.get("query", "")
    try:
        if forget:
            saved_views.forget(person=request.person, pk=forget)
        else:
            saved_views.save(person=request.person, name=request.POST.get("name", ""), query=back)
            messages.success(request, _("The view is saved. It is in the list behind “Views”."))
    except UserError as error:
        messages.error(request, text_of(error))
    return redirect(f"{reverse('plan', args=[request.workspace.slug])}?{back}")


urlpatterns = [
    path("plan/", plan, name="plan"),
    path("plan/views/", keep_view, name="plan-keep-view"),
    *calendar_data.urlpatterns,
    *plan_moves.urlpatterns,
    *lanes.urlpatterns,
    *schedule.urlpatterns,
    *plan_import.urlpatterns,
    *plan_feeds.urlpatterns,
    *initiative_plan.urlpatterns,
]
