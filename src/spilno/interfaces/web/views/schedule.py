"""Plan → Schedule: when each channel likes to post, said in words that need no programmer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from babel import Locale
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from spilno.channels import services as channels
from spilno.channels.models import Channel
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan import public_days, schedule
from spilno.plan.models import PlanSettings
from spilno.plan.schedule import PRESETS, Schedule
from spilno.plan.slots import Rules
from spilno.team.models import Person
from spilno.team.permissions import Permission, may

PRESET_LABELS: Mapping[str, Any] = {
    "workdays": gettext_lazy("Working days at 10:00 and 18:00"),
    "daily": gettext_lazy("Every day at 12:00"),
    "three": gettext_lazy("Monday, Wednesday, Friday at 11:00"),
    "weekend": gettext_lazy("Saturday and Sunday at 11:00 and 19:00"),
}
SHOWN_AHEAD = 5  # free slots that a channel's page names


@dataclass(frozen=True)
class Line:
    """A channel in the overview. ``week``: for each weekday its times, as words."""

    channel: Channel
    week: tuple[str, ...]
    count: int
    next_free: datetime | None
    lead_days: int


@dataclass(frozen=True)
class SchedulePage:
    lines: Sequence[Line]
    weekdays: Sequence[str]
    settings: PlanSettings
    countries: Sequence[tuple[str, str]]
    holidays: Sequence[tuple[date, str]]  # the next ones
    may_edit: bool


@dataclass(frozen=True)
class ChannelPage:
    channel: Channel
    typed: Schedule
    days: Sequence[tuple[int, str, tuple[str, ...]]]  # weekday, its name, times as typed
    presets: Sequence[tuple[str, str]]
    countries: Sequence[tuple[str, str]]
    common: PlanSettings
    common_country: str
    people: Sequence[Person]
    free: Sequence[datetime]
    error: str
    field: str
    may_edit: bool
    may_own: bool


@lru_cache(maxsize=4)
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Countries whose holidays are known, by their names in the language."""
    names = Locale.parse(language).territories
    found = [(one, str(names.get(one, one))) for one in public_days.countries()]
    return tuple(sorted(found, key=lambda one: one[1].casefold()))


def _clock(at: time) -> str:
    return f"{at:%H:%M}"


@require_GET
@needs(Permission.VIEW)
def overview(request: WorkspaceRequest) -> HttpResponse:
    """All channels' schedules on one page, and what holds for the whole workspace."""
    workspace, now = request.workspace, clock.now()
    today = clock.local_day(now, workspace.time_zone)
    ours = list(
        Channel.objects.filter(workspace=workspace, is_active=True).select_related("owner").order_by("name")
    )
    rules = schedule.rules_of(workspace=workspace, first=today, after=today)
    free = schedule.next_free(workspace=workspace, channels=[one.pk for one in ours], now=now)
    settings = schedule.settings_of(workspace)
    ahead = public_days.between(
        settings.country, today, today + timedelta(days=200), language=request.LANGUAGE_CODE
    )
    page = SchedulePage(
        lines=[_line(one, rules[one.pk], free.get(one.pk)) for one in ours],
        weekdays=[str(WEEKDAYS[day]) for day in range(7)],
        settings=settings,
        countries=countries(request.LANGUAGE_CODE),
        holidays=list(ahead.items())[:4],
        may_edit=may(request.person, Permission.PUBLISH),
    )
    return render(request, "plan/schedule.html", {"page": page})


def _line(channel: Channel, rules: Rules, free: datetime | None) -> Line:
    week = tuple(
        ", ".join(_clock(at) for day, at in sorted(rules.slots) if day == weekday) for weekday in range(7)
    )
    return Line(channel, week, len(rules.slots), free, rules.lead_days)


@require_POST
@needs(Permission.PUBLISH)
def settings(request: WorkspaceRequest) -> HttpResponse:
    """What holds for all channels: the country of the holidays, the lead time."""
    try:
        schedule.save_settings(
            workspace=request.workspace, country=request.POST.get("country", ""),
            lead_days=_whole(request.POST.get("lead_days", ""), "lead_days") or 0,
            by=request.person, now=clock.now(),
        )  # fmt: skip
        messages.success(request, _("Saved."))
    except UserError as error:
        messages.error(request, text_of(error))
    return redirect("plan-schedule", request.workspace.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PUBLISH)
def channel(request: WorkspaceRequest, key: str) -> HttpResponse:
    """One channel's schedule. Without scripts each day has room for two more times."""
    found = (
        Channel.objects.select_related("owner", "workspace")
        .filter(workspace=request.workspace, key=key)
        .first()
    )
    if found is None:
        raise Http404
    if request.method != "POST":
        return _page(request, found, schedule.schedule_of(found))
    typed, wrong = _typed(request.POST)
    preset = request.POST.get("preset", "")
    if preset in PRESETS:  # filled in, saved only when the person says so
        return _page(request, found, replace(typed, slots=PRESETS[preset]))
    try:
        if wrong:
            raise wrong
        schedule.save_schedule(channel=found, schedule=typed, by=request.person, now=clock.now())
        _save_owner(request, found)
    except UserError as error:
        return _page(request, found, typed, error)
    messages.success(request, _("The schedule of “%(name)s” is saved.") % {"name": found.name})
    return redirect("plan-schedule", request.workspace.slug)


def _save_owner(request: WorkspaceRequest, found: Channel) -> None:
    if "owner" not in request.POST or not may(request.person, Permission.CHANNEL_MANAGE):
        return
    pk = uuid_of(request.POST["owner"])
    owner = Person.objects.filter(workspace=request.workspace, pk=pk, is_active=True).first() if pk else None
    if owner != found.owner:
        channels.update(
            channel=found, owner=owner, community=found.community, by=request.person, now=clock.now()
        )


def _whole(text: str, name: str) -> int | None:
    """A whole number, ``None`` for nothing. :raises UserError: ``number_must_be_whole``."""
    text = text.strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 6:
        raise UserError("number_must_be_whole", field=name, typed=text[:20])
    return int(text)


def _typed(post: QueryDict) -> tuple[Schedule, UserError | None]:
    """The form as far as it can be understood, and the first thing that cannot."""
    wrong: UserError | None = None
    slots: list[tuple[int, time]] = []
    values: dict[str, Any] = {}
    for weekday in range(7):
        for text in post.getlist(f"day-{weekday}"):
            if text.strip():
                try:
                    slots.append((weekday, time.fromisoformat(text.strip()[:5])))
                except ValueError:
                    wrong = wrong or UserError("time_not_understood", field="slots")
    for name in ("quiet_from", "quiet_to"):
        try:
            values[name] = time.fromisoformat(post.get(name, "")[:5]) if post.get(name) else None
        except ValueError:
            wrong = wrong or UserError("time_not_understood", field=name)
    for name in ("min_gap", "lead_days"):
        try:
            values[name] = _whole(post.get(name, ""), name)
        except UserError as error:
            wrong = wrong or error
    values["min_gap"] = values.get("min_gap") or 0
    typed = Schedule(
        slots=tuple(sorted(set(slots))),
        closes_up=post.get("closes_up") != "no",
        skip_holidays=bool(post.get("skip_holidays")),
        country=post.get("country", "")[:2],
        **values,
    )
    return typed, wrong


def _page(
    request: WorkspaceRequest, found: Channel, typed: Schedule, error: UserError | None = None
) -> HttpResponse:
    workspace = request.workspace
    by_day = {
        day: tuple(_clock(at) for weekday, at in sorted(typed.slots) if weekday == day) for day in range(7)
    }
    common = schedule.settings_of(workspace)
    known = countries(request.LANGUAGE_CODE)
    page = ChannelPage(
        channel=found,
        typed=typed,
        days=[(day, str(WEEKDAYS[day]), by_day[day]) for day in range(7)],
        presets=[(key, str(label)) for key, label in PRESET_LABELS.items()],
        countries=known,
        common=common,
        common_country=dict(known).get(common.country, ""),
        people=list(Person.objects.filter(workspace=workspace, is_active=True).order_by("name")),
        free=_free(found),
        error=text_of(error) if error else "",
        field=error.field if error else "",
        may_edit=may(request.person, Permission.PUBLISH),
        may_own=may(request.person, Permission.CHANNEL_MANAGE),
    )
    return render(request, "plan/schedule_channel.html", {"page": page}, status=422 if error else 200)


def _free(found: Channel) -> list[datetime]:
    now = clock.now()
    today = clock.local_day(now, found.workspace.time_zone)
    free = schedule.free_slots(
        workspace=found.workspace, first=today, after=today + timedelta(days=14), now=now, channels=[found.pk]
    )
    return free.get(found.pk, [])[:SHOWN_AHEAD]


urlpatterns = [
    path("plan/schedule/", overview, name="plan-schedule"),
    path("plan/schedule/settings/", settings, name="plan-schedule-settings"),
    path("plan/schedule/channels/<slug:key>/", channel, name="plan-schedule-channel"),
]
