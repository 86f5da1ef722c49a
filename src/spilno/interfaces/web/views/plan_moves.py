"""What one does with posts on the calendar, the board and the list; every step can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.doubts import choices
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock, wall_clock
from spilno.kernel.errors import UserError
from spilno.plan import queries, schedule
from spilno.plan.models import PlanChange
from spilno.publishing import rearranging
from spilno.publishing.rearranging import Outcome, Ref
from spilno.team.models import Workspace
from spilno.team.permissions import Permission

NAMED = 3  # refusals that are told one by one


def ref_of(event: str) -> Ref | None:
    """``ITEM@SECONDS`` as the calendar knows a post, or ``ITEM`` for one without a time."""
    pk, _at, seconds = event.partition("@")
    found = uuid_of(pk)
    if found is None:
        return None
    try:
        return Ref(found, datetime.fromtimestamp(int(seconds), UTC) if seconds else None)
    except (ValueError, OverflowError, OSError):
        return None


def checked_ref(workspace: Workspace, event: str) -> Ref:
    found = ref_of(event)
    if found is None or not queries.items(workspace).filter(pk=found.item_id).exists():
        raise Http404
    return found


def day_words(moment: datetime, zone: str, language: str) -> dict[str, str]:
    """``day`` and ``time`` of a moment as the workspace's clock says them."""
    local = moment.astimezone(ZoneInfo(zone))
    return {"day": date_format(local, "j E" if language != "en" else "j F"), "time": f"{local:%H:%M}"}


def _refusal(error: UserError) -> JsonResponse:
    """Why not; where clocks change, with both answers to choose from."""
    answers = [{"side": one.side, "label": one.label} for one in choices(error)]
    return JsonResponse(
        {"problem": text_of(error), "choices": answers} if answers else {"problem": text_of(error)},
        status=409,
    )


def undo_url(workspace: Workspace, outcome: Outcome) -> str:
    return reverse("plan-undo", args=[workspace.slug, outcome.change.pk]) if outcome.change else ""


def _wanted_time(request: WorkspaceRequest) -> datetime:
    """``start``: wall clock of the workspace; ``side`` answers where clocks change; ``start=next``: a free slot."""
    return wall_clock.read(
        request.POST.get("start", ""), request.workspace.time_zone, side=request.POST.get("side", "")
    )


@require_POST
@needs(Permission.PLAN_EDIT)
def move(request: WorkspaceRequest, event: str) -> HttpResponse:
    """Another time for a post: ``event`` is ``ITEM@SECONDS``, or ``ITEM`` from the shelf.

    ``channel``: an idea dropped into that channel's lane goes there, too.
    """
    workspace = request.workspace
    ref = checked_ref(workspace, event)
    try:
        at = _wanted_time(request)
        outcome = rearranging.move(
            workspace=workspace, ref=ref, at=at, by=request.person, now=clock.now(),
            channel=uuid_of(request.POST.get("channel", "")),
        )  # fmt: skip
    except UserError as error:
        return _refusal(error)
    except ValueError:
        return JsonResponse({"problem": _("This is not a time.")}, status=400)
    said = _("Moved to %(day)s, %(time)s") % day_words(at, workspace.time_zone, request.LANGUAGE_CODE)
    return JsonResponse(
        {
            "message": said,
            "id": f"{ref.item_id}@{int(at.timestamp())}",
            "undo": undo_url(workspace, outcome),
            "start": wall_clock.shown(at, workspace.time_zone),
        }
    )


@require_POST
@needs(Permission.PLAN_EDIT)
def duplicate(request: WorkspaceRequest, event: str) -> HttpResponse:
    """A second one of a post as a draft: at ``start``, else a day later at the same time."""
    workspace, now = request.workspace, clock.now()
    ref = checked_ref(workspace, event)
    side = request.POST.get("side", "")
    try:
        at: datetime | None
        if request.POST.get("start"):
            at = _wanted_time(request)
        else:
            at = wall_clock.moved_days(ref.at, 1, workspace.time_zone, side=side) if ref.at else None
        outcome = rearranging.duplicate(workspace=workspace, ref=ref, at=at, by=request.person, now=now)
    except UserError as error:
        return _refusal(error)
    except ValueError:
        return JsonResponse({"problem": _("This is not a time.")}, status=400)
    said = _("A copy is made")
    if at:
        said = _("A copy stands on %(day)s, %(time)s") % day_words(
            at, workspace.time_zone, request.LANGUAGE_CODE
        )
    (made,) = outcome.items
    return JsonResponse(
        {
            "message": said,
            "id": f"{made}@{int(at.timestamp())}" if at else str(made),
            "undo": undo_url(workspace, outcome),
        }
    )


@require_POST
@needs(Permission.PLAN_EDIT)
def remove(request: WorkspaceRequest, event: str) -> HttpResponse:
    """Put a post away."""
    workspace = request.workspace
    outcome = rearranging.delete(
        workspace=workspace, refs=[checked_ref(workspace, event)], by=request.person, now=clock.now()
    )
    if outcome.refused:
        return _refusal(outcome.refused[0].error)
    return JsonResponse({"message": _("The post is deleted."), "undo": undo_url(workspace, outcome)})


@require_POST
@needs(Permission.PLAN_EDIT)
def undo(request: WorkspaceRequest, change: UUID) -> HttpResponse:
    """Take a step back. A form is led back to where it came from, a script gets JSON."""
    found = PlanChange.objects.filter(
        workspace=request.workspace, person=request.person, pk=change
    ).select_related("workspace")
    step = found.first()
    if step is None:
        raise Http404
    try:
        outcome = rearranging.undo(change=step, by=request.person, now=clock.now())
    except UserError as error:
        if not _wants_json(request):
            messages.error(request, text_of(error))
            return redirect(_back(request))
        return _refusal(error)
    problem = _refusals(outcome)
    if not _wants_json(request):
        if outcome.items:
            messages.success(request, _("Undone"))
        if problem:
            messages.error(request, problem)
        return redirect(_back(request))
    if problem and not outcome.items:
        return JsonResponse({"problem": problem}, status=409)
    return JsonResponse({"message": _("Undone"), "problem": problem})


def _wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _back(request: WorkspaceRequest, **more: object) -> str:
    """Where the form came from, if it is ours, else the plan."""
    home = reverse("plan", args=[request.workspace.slug])
    wished = request.POST.get("next", "")
    target = wished if wished and url_has_allowed_host_and_scheme(wished, allowed_hosts=None) else home
    if more:
        target += ("&" if "?" in target else "?") + urlencode(more)
    return target


def _refusals(outcome: Outcome) -> str:
    """What was refused and why: the first few by their names."""
    said = [
        f"“{one.title or _('a post without words yet')}”: {text_of(one.error)}"
        for one in outcome.refused[:NAMED]
    ]
    rest = len(outcome.refused) - NAMED
    if rest > 0:
        said.append(ngettext("and %(count)s more", "and %(count)s more", rest) % {"count": rest})
    return " ".join(said)


# ------------------------------------------------------------------------------------------------ several at once


@dataclass(frozen=True)
class _Asked:
    """A bulk form's fields."""

    workspace: Workspace
    refs: list[Ref]
    request: WorkspaceRequest
    now: datetime

    @property
    def common(self) -> dict[str, Any]:
        return {"workspace": self.workspace, "refs": self.refs, "by": self.request.person, "now": self.now}

    def said(self, name: str) -> str:
        return self.request.POST.get(name, "")


def _by_days(asked: _Asked) -> Outcome:
    try:
        days = int(asked.said("days"))
    except ValueError:
        raise UserError("days_wrong", field="days") from None
    if not days or abs(days) > 366:
        raise UserError("days_wrong", field="days")
    return rearranging.move_days(days=days, side=asked.said("side"), **asked.common)


def _to_clock(asked: _Asked) -> Outcome:
    try:
        wanted = time.fromisoformat(asked.said("clock"))
    except ValueError:
        raise UserError("time_not_understood", field="clock") from None
    return rearranging.set_clock(
        clock=wanted.replace(tzinfo=None, second=0, microsecond=0), side=asked.said("side"), **asked.common
    )


def _tag(on: bool) -> Callable[[_Asked], Outcome]:
    def act(asked: _Asked) -> Outcome:
        return rearranging.set_tag(name=asked.said("tag"), on=on, **asked.common)

    return act


ACTIONS: dict[str, Callable[[_Asked], Outcome]] = {
    "days": _by_days,
    "clock": _to_clock,
    "schedule": lambda asked: rearranging.schedule(**asked.common),
    "unschedule": lambda asked: rearranging.unschedule(**asked.common),
    "reserve": lambda asked: rearranging.to_reserve(**asked.common),
    "queue": lambda asked: rearranging.to_queue(**asked.common),
    "delete": lambda asked: rearranging.delete(**asked.common),
    "tag": _tag(True),
    "untag": _tag(False),
}


def _done_words(what: str, count: int) -> str:
    words = {
        "days": ngettext("%(count)s post moved", "%(count)s posts moved", count),
        "clock": ngettext("%(count)s post moved", "%(count)s posts moved", count),
        "schedule": ngettext("%(count)s post scheduled", "%(count)s posts scheduled", count),
        "unschedule": ngettext("%(count)s post called off", "%(count)s posts called off", count),
        "reserve": ngettext("%(count)s post kept in reserve", "%(count)s posts kept in reserve", count),
        "queue": ngettext("%(count)s post queued", "%(count)s posts queued", count),
        "delete": ngettext("%(count)s post deleted", "%(count)s posts deleted", count),
        "tag": ngettext("%(count)s post tagged", "%(count)s posts tagged", count),
        "untag": ngettext("The tag is off %(count)s post", "The tag is off %(count)s posts", count),
    }
    return words[what] % {"count": count}


@require_POST
@needs(Permission.PLAN_EDIT)
def bulk(request: WorkspaceRequest) -> HttpResponse:
    """One thing done to all posts that are ticked (``post`` = ``ITEM@SECONDS``). ``do``: a key of :data:`ACTIONS`.

    What cannot be done for one post does not stop the others; it is told.
    """
    what = request.POST.get("do", "")
    found = (ref_of(one) for one in request.POST.getlist("post"))
    refs = list(dict.fromkeys(one for one in found if one))
    asked = _Asked(request.workspace, refs, request, clock.now())
    if what not in ACTIONS:
        raise Http404
    if not refs:
        messages.error(request, _("Tick the posts first."))
        return redirect(_back(request))
    try:
        outcome = ACTIONS[what](asked)
    except UserError as error:
        messages.error(request, text_of(error))
        return redirect(_back(request))
    if outcome.items:
        messages.success(request, _done_words(what, len(outcome.items)))
    if problem := _refusals(outcome):
        messages.error(request, problem)
    return redirect(_back(request, change=outcome.change.pk) if outcome.change else _back(request))


@require_GET
@needs(Permission.PLAN_EDIT)
def next_slots(request: WorkspaceRequest) -> HttpResponse:
    """The next free slot of each of the channels named (``channel``), not before ``after``; all wall clock.

    ``at``: the earliest of them; ``each``: by the channel's id.
    """
    workspace, now = request.workspace, clock.now()
    channels = [found for one in request.GET.getlist("channel") if (found := uuid_of(one.partition(":")[0]))]
    try:
        text = request.GET.get("after", "")
        after = wall_clock.read(text, workspace.time_zone, side=wall_clock.LATER) if text else None
    except ValueError:
        after = None
    free = schedule.next_free(
        workspace=workspace,
        channels=channels,
        now=now,
        after=after,
        without=[pk] if (pk := uuid_of(request.GET.get("item", ""))) else (),
    )
    if not free:
        return JsonResponse(
            {
                "problem": _("None of these channels has a free slot. Set their posting schedule first."),
                "url": reverse("plan-schedule", args=[workspace.slug]),
            },
            status=409,
        )
    zone = workspace.time_zone
    return JsonResponse(
        {
            "at": wall_clock.shown(min(free.values()), zone),
            "each": {str(pk): wall_clock.shown(at, zone) for pk, at in free.items()},
        }
    )


urlpatterns = [
    path("plan/move/<str:event>/", move, name="plan-move"),
    path("plan/duplicate/<str:event>/", duplicate, name="plan-duplicate"),
    path("plan/remove/<str:event>/", remove, name="plan-remove"),
    path("plan/undo/<uuid:change>/", undo, name="plan-undo"),
    path("plan/bulk/", bulk, name="plan-bulk"),
    path("plan/next-slots.json", next_slots, name="plan-next-slots"),
]
