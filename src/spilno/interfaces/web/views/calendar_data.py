"""What the browser draws month, week and day from: as little as they show, as arrays and not as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponseBase, JsonResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from spilno.channels.models import Channel
from spilno.interfaces.web import plan_marks
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.deadline_words import said
from spilno.interfaces.web.hint_words import hint_words
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.plan_marks import Entry
from spilno.interfaces.web.planning import Filters, entries, filters_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan import conflicts, deadlines, public_days, schedule
from spilno.plan.calendar import View
from spilno.plan.models import PlanSettings
from spilno.team.permissions import Permission, may

MANY = 300
"""Posts in a month; from here on only the first of each day are sent, with the number of the others."""

PER_DAY = 5


def _period(request: WorkspaceRequest) -> tuple[date, date]:
    """``start`` and ``end``: ISO dates of the workspace's calendar, times are ignored.

    :raises ValueError: if they are none.
    """
    first, after = (date.fromisoformat(request.GET.get(one, "")[:10]) for one in ("start", "end"))
    clock.day_start(first, request.workspace.time_zone), clock.day_start(after, request.workspace.time_zone)
    return first, after


def _impossible() -> JsonResponse:
    return JsonResponse({"problem": _("The calendar asked for an impossible period.")}, status=400)


@require_GET
@gzip_page
@needs(Permission.VIEW)
def events(request: WorkspaceRequest) -> HttpResponseBase:
    """The posts of a period, its deadlines and holidays, and for week and day the free slots.

    ``rows``: [id, wall clock, title, channels, state, may be moved, seconds since 1970], where channels and state are
    places in the lists ``channels`` and ``states``. ``more``: day → posts of that day that are not among the rows.
    """
    try:
        first, after = _period(request)
        filters = filters_of(request.GET)
        found = entries(request.workspace, filters, first, after)
    except (ValueError, OverflowError):
        return _impossible()
    except UserError as error:
        return JsonResponse({"problem": text_of(error)}, status=400)
    view = request.GET.get("view", "")
    answer = _rows(request, found, thin=view == View.MONTH and len(found) > MANY)
    answer["due"] = _deadlines(request, filters, first, after)
    settings = schedule.settings_of(request.workspace)
    answer["holidays"] = _holidays(request, settings, first, after)
    if view in (View.WEEK, View.DAY) and may(request.person, Permission.PLAN_EDIT):
        answer["free"] = _free(request, filters, settings, first, after)
    # Cyrillic as it is: escaped it would be six times as long.
    return JsonResponse(answer, json_dumps_params={"ensure_ascii": False, "separators": (",", ":")})


def _rows(request: WorkspaceRequest, found: Sequence[Entry], *, thin: bool) -> dict[str, Any]:
    zone = ZoneInfo(request.workspace.time_zone)
    untitled = _("Without words yet")
    channels: dict[UUID, int] = {}
    names: list[tuple[str, str]] = []
    states: dict[str, int] = {}
    rows: list[list[Any]] = []
    more: dict[str, int] = {}
    of_day: dict[str, int] = {}
    sizes: dict[str, int] = {}
    walls = [one.at.astimezone(zone).isoformat()[:16] for one in found]
    if thin:
        for wall in walls:
            sizes[wall[:10]] = sizes.get(wall[:10], 0) + 1
    for one, wall in zip(found, walls, strict=True):
        if thin:
            day = wall[:10]
            count = of_day[day] = of_day.get(day, 0) + 1
            # The last place of a full day is for the line that says how many there are besides.
            if sizes[day] > PER_DAY and count >= PER_DAY:
                more[day] = more.get(day, 0) + 1
                continue
        places = []
        for slot in one.slots:
            place = channels.get(slot.channel_id)
            if place is None:
                place = channels[slot.channel_id] = len(names)
                names.append((slot.channel, slot.network))
            if place not in places:
                places.append(place)
        state = one.state
        number = states.setdefault(state, len(states))
        slot = one.slots[0]
        seconds = int(slot.at.timestamp())
        rows.append(
            [str(slot.item_id), wall, slot.title or untitled, places, number, int(one.movable), seconds]
        )
    return {
        "channels": names,
        "states": [[plan_marks.word(one), *plan_marks.LOOKS.get(one, ("", "dot"))] for one in states],
        "rows": rows,
        "more": more,
        "total": len(found),
    }


def _deadlines(request: WorkspaceRequest, filters: Filters, first: date, after: date) -> list[list[Any]]:
    """[day, words, address, open and over]; only what is still open, or was due here."""
    today = clock.local_day(clock.now(), request.workspace.time_zone)
    due = deadlines.due_between(
        workspace=request.workspace, first=first, after=after, initiatives=filters.initiative
    )
    found = []
    for one in due:
        if one.item_id:
            url = reverse("plan-item", args=[request.workspace.slug, one.item_id])
        else:
            url = reverse("initiatives-plan", args=[request.workspace.slug, one.slug])
        look = "done" if one.done else "late" if one.overdue(today) else ""
        found.append(
            [one.on.isoformat(), said(one, request.LANGUAGE_CODE), url, look, int(bool(one.item_id))]
        )
    return found


def _holidays(request: WorkspaceRequest, settings: PlanSettings, first: date, after: date) -> dict[str, str]:
    days = public_days.between(settings.country, first, after, language=request.LANGUAGE_CODE)
    return {day.isoformat(): name for day, name in days.items()}


def _free(
    request: WorkspaceRequest, filters: Filters, settings: PlanSettings, first: date, after: date
) -> list[list[Any]]:
    """[wall clock, channels' ids, channels' names, networks], one line for each moment."""
    zone = ZoneInfo(request.workspace.time_zone)
    wanted = Channel.objects.filter(workspace=request.workspace, is_active=True)
    if filters.channel:
        wanted = wanted.filter(pk__in=filters.channel)
    if filters.network:
        wanted = wanted.filter(network__in=filters.network)
    known = {one.pk: one for one in wanted}
    rules = schedule.rules_of(
        workspace=request.workspace, channels=list(known), first=first, after=after, settings=settings
    )
    free = schedule.free_slots(
        workspace=request.workspace, first=first, after=after, now=clock.now(), rules=rules
    )
    by_time: dict[datetime, list[UUID]] = {}
    for channel, times in free.items():
        for at in times:
            by_time.setdefault(at, []).append(channel)
    return [
        [
            at.astimezone(zone).isoformat()[:16],
            [str(one) for one in channels],
            [known[one].name for one in channels],
            [known[one].network for one in channels],
        ]
        for at, channels in sorted(by_time.items())
    ]


@require_GET
@gzip_page
@needs(Permission.VIEW)
def hints(request: WorkspaceRequest) -> HttpResponseBase:
    """What to point out about the posts of a period: id → sentences. Asked after the calendar is drawn."""
    try:
        first, after = _period(request)
    except (ValueError, OverflowError):
        return _impossible()
    if after - first > timedelta(days=62):
        return _impossible()
    zone = request.workspace.time_zone
    found = conflicts.in_period(
        workspace=request.workspace,
        start=clock.day_start(first, zone),
        end=clock.day_start(after, zone),
        wanted=filters_of(request.GET).wanted,
    )
    answer = {f"{item}@{seconds}": hint_words(every) for (item, seconds), every in found.items()}
    return JsonResponse(answer, json_dumps_params={"ensure_ascii": False, "separators": (",", ":")})


urlpatterns = [
    path("plan/events.json", events, name="plan-events"),
    path("plan/hints.json", hints, name="plan-hints"),
]
