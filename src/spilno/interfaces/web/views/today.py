"""Today: what needs me now, what is on air, what the community says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, QuerySet, Subquery, Window
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_POST

from spilno.briefs.models import BriefState, Initiative
from spilno.channels.models import Channel
from spilno.community.models import Message
from spilno.contingency import queries as contingency
from spilno.contingency import services
from spilno.contingency.models import Reminder
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.views.initiative_frame import language_of
from spilno.interfaces.web.views.today_rows import Row, rows_of
from spilno.kernel import clock
from spilno.kernel.errors import NotAllowed
from spilno.kernel.texts import pick
from spilno.plan.calendar import Slot, calendar
from spilno.plan.models import Item
from spilno.publishing.states import AHEAD, DeliveryState
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, may
from spilno.toolkit.networks import registry


@dataclass(frozen=True)
class OnAir:
    """Something that leaves today or left. ``state``: of the delivery, "" if it is not scheduled."""

    title: str
    at: datetime
    channel: str
    network: Any
    placement: str
    state: str
    state_label: str
    is_ahead: bool
    url: str


@dataclass(frozen=True)
class Step:
    """A step of getting started."""

    label: str
    done: bool
    url: str
    note: str = ""


@dataclass(frozen=True)
class Voice:
    """What the community said and nobody answered yet."""

    waiting: int
    latest: tuple[Message, ...]
    url: str


@dataclass(frozen=True)
class TodayPage:
    greeting: str
    waiting: str
    today: date
    rows: tuple[Row, ...]
    others: int  # rows that are for colleagues
    everyone: bool
    on_air: tuple[OnAir, ...]
    steps: tuple[Step, ...]
    voice: Voice | None
    may_create: bool

    @property
    def is_new(self) -> bool:
        """Is there still something to set up?"""
        return any(not one.done for one in self.steps)


@needs(Permission.VIEW)
def today(request: WorkspaceRequest) -> HttpResponse:
    """The page after sign-in."""
    now = clock.now()
    zone = request.workspace.time_zone
    everyone = "everyone" in request.GET
    rows = rows_of(request.workspace, request.person, now)
    mine = [one for one in rows if one.mine]
    local = now.astimezone(ZoneInfo(zone))
    steps = _steps(request.workspace, request.person)
    voice = _voice(request)
    page = TodayPage(
        greeting=_greeting(local.hour),
        waiting=_waiting(len(mine), is_new=not all(one.done for one in steps)),
        today=local.date(),
        rows=tuple(rows if everyone else mine),
        others=len(rows) - len(mine),
        everyone=everyone,
        on_air=_on_air(request.workspace, local.date()),
        steps=steps,
        voice=voice,
        may_create=may(request.person, Permission.INITIATIVE_EDIT),
    )
    return render(request, "today/today.html", {"page": page})


def _greeting(hour: int) -> str:
    if 5 <= hour < 12:
        return _("Good morning.")
    return _("Good afternoon.") if 12 <= hour < 18 else _("Good evening.")


def _waiting(count: int, *, is_new: bool) -> str:
    if not count and is_new:
        return _("Let us begin")
    if not count:
        return _("Nothing needs you right now")
    return ngettext("%(count)s thing waits for you", "%(count)s things wait for you", count) % {
        "count": count
    }


def _on_air(workspace: Workspace, day: date) -> tuple[OnAir, ...]:
    start, end = (clock.day_start(one, workspace.time_zone) for one in (day, day + timedelta(days=1)))
    slots = calendar(workspace=workspace, start=start, end=end)
    networks = registry.all_networks()
    labels = dict(DeliveryState.choices)
    return tuple(
        OnAir(
            title=one.title or _("Without a title"),
            at=one.at,
            channel=one.channel,
            network=networks.get(one.network),
            placement=_placement(networks.get(one.network), one),
            state=one.state,
            state_label=str(labels.get(one.state, _("not scheduled"))),
            is_ahead=one.state in AHEAD,
            url=reverse("plan-item", args=[workspace.slug, one.item_id]),
        )
        for one in slots
        if one.at is not None and one.state != DeliveryState.CANCELLED
    )


def _placement(network: Any, slot: Slot) -> str:
    found = next((one for one in getattr(network, "placements", ()) if one.key == slot.placement), None)
    return pick(found.label, language_of()) if found else slot.placement


def _steps(workspace: Workspace, person: Person) -> tuple[Step, ...]:
    """Getting started, each step ticked when it is done: one query."""
    if not may(person, Permission.INITIATIVE_EDIT):
        return ()
    here = [workspace.slug]
    of_ours = {"workspace": workspace}
    done = Workspace.objects.filter(pk=workspace.pk).values_list(
        _exists(Channel, **of_ours),
        _exists(Initiative, **of_ours),
        _exists(Initiative, brief__state=BriefState.READY, **of_ours),
        _exists(Item, deleted_at=None, **of_ours),
        _exists(Item, variants__delivery__isnull=False, **of_ours),
        Subquery(_briefs_to_agree_on(workspace)[:1]),
    )[0]
    open_brief = reverse("initiatives-brief", args=[*here, done[5]]) if done[5] else ""
    return (
        Step(
            pgettext("first step", "Connect a channel"),
            done[0],
            reverse("networks-connect", args=here),
            _("Where you speak to people"),
        ),
        Step(_("Make an initiative"), done[1], reverse("initiatives-new", args=here)),
        Step(
            _("Agree on its brief"),
            done[2],
            open_brief or reverse("initiatives", args=here),
            _("Which task must the content solve?"),
        ),
        Step(_("Write a post"), done[3], reverse("plan-new", args=here)),
        Step(_("Schedule it"), done[4], reverse("plan", args=here)),
    )


def _briefs_to_agree_on(workspace: Workspace) -> QuerySet[Initiative, str]:
    """Keys of initiatives whose brief is not ready yet, the newest first."""
    return (
        Initiative.objects.filter(workspace=workspace, archived_at=None)
        .exclude(brief__state=BriefState.READY)
        .order_by("-created_at")
        .values_list("slug", flat=True)
    )


def _exists(model: Any, **conditions: Any) -> Any:
    return Exists(model.objects.filter(**conditions))


def _voice(request: WorkspaceRequest) -> Voice | None:
    workspace = request.workspace
    if not may(request.person, Permission.CONVERSATION_HANDLE):
        return None
    waiting = Message.objects.filter(workspace=workspace, handled_at=None).select_related("channel")
    latest = list(waiting.annotate(waiting=Window(Count("*"))).order_by("-said_at")[:3])
    request.unanswered = latest[0].waiting if latest else 0
    if not latest:
        return None
    return Voice(latest[0].waiting, tuple(latest), reverse("inbox", args=[workspace.slug]))


@needs(Permission.VIEW)
def root(request: WorkspaceRequest) -> HttpResponse:
    """A workspace's bare address leads to Today."""
    return redirect("today", request.workspace.slug)


@needs(Permission.VIEW)
@require_POST
def reminder_done(request: WorkspaceRequest, reminder: UUID) -> HttpResponse:
    """Tick off what the contingency plan asked for."""
    try:
        found = contingency.reminder_of(request.workspace, reminder)
    except Reminder.DoesNotExist as error:
        raise Http404 from error
    try:
        services.reminder_done(reminder=found, by=request.person, now=clock.now())
    except NotAllowed as error:
        raise PermissionDenied(error.code) from error
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(back, {request.get_host()}):
        return redirect(back)
    return redirect("today", request.workspace.slug)


urlpatterns: list[URLPattern] = [
    path("", root, name="today-root"),
    path("today/", today, name="today"),
    path("today/reminders/<uuid:reminder>/done/", reminder_done, name="today-reminder-done"),
]
