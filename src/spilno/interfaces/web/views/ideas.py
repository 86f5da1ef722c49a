"""Ideas and rubrics: what may be told, and how much of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from spilno.briefs.models import Initiative
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan.writing import ideas, pillars
from spilno.plan.writing.models import Idea
from spilno.team.permissions import Permission, may

DAYS = (7, 30, 90)


@dataclass(frozen=True)
class Column:
    key: str
    label: str
    ideas: Sequence[Idea]
    moves: bool


@dataclass(frozen=True)
class BoardPage:
    columns: Sequence[Column]
    pillars: Sequence[tuple[str, str]]
    initiatives: Sequence[tuple[str, str]]
    may_edit: bool
    empty: bool
    error: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PillarsPage:
    shares: Sequence[pillars.Share]
    first: date
    last: date
    days: int
    spans: Sequence[tuple[int, str]]
    posts: int
    colours: Sequence[int]
    may_edit: bool
    error: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)


FIELDS = ("id", "title", "note", "pillar", "initiative")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.VIEW, post=Permission.PLAN_EDIT)
def board(request: WorkspaceRequest) -> HttpResponse:
    """The board; a post adds an idea or changes one. ``?edit=`` fills the form."""
    workspace, error = request.workspace, ""
    typed = {key: request.POST.get(key, "") for key in FIELDS}
    if request.method == "POST":
        try:
            ideas.put(
                workspace=workspace, title=typed["title"], note=typed["note"], by=request.person, now=clock.now(),
                pillar=str(uuid_of(typed["pillar"]) or ""), initiative=str(uuid_of(typed["initiative"]) or ""),
                pk=uuid_of(typed["id"]),
            )  # fmt: skip
        except UserError as problem:
            error = text_of(problem)
        else:
            return redirect("plan-ideas", workspace.slug)
    found = list(ideas.of(workspace))
    edited = uuid_of(request.GET.get("edit", ""))
    if not error and (one := next((one for one in found if one.pk == edited), None)):
        typed = {
            "id": str(one.pk), "title": one.title, "note": one.note, "pillar": str(one.pillar_id or ""),
            "initiative": str(one.initiative_id or ""),
        }  # fmt: skip
    columns = [
        Column(
            str(state), str(state.label), [one for one in found if one.state == state][: ideas.SHOWN],
            state != Idea.State.GROWN,
        )
        for state in ideas.COLUMNS
    ]  # fmt: skip
    page = BoardPage(
        columns=columns,
        pillars=[(str(one.pk), one.name) for one in pillars.of(workspace)],
        initiatives=[
            (str(one.pk), pick(one.title, request.LANGUAGE_CODE))
            for one in Initiative.objects.filter(workspace=workspace, archived_at=None).order_by("-ends_on")
        ],
        may_edit=may(request.person, Permission.PLAN_EDIT),
        empty=not found,
        error=error,
        typed=typed,
    )
    return render(request, "plan/ideas.html", {"page": page}, status=422 if error else 200)


@require_POST
@needs(Permission.PLAN_EDIT)
def change(request: WorkspaceRequest) -> HttpResponse:
    """What the board's cards do: move, grow, go away."""
    pk, wish = uuid_of(request.POST.get("id", "")), request.POST.get("do", "move")
    if pk is None:
        raise Http404
    workspace, now = request.workspace, clock.now()
    try:
        if wish == "grow":
            item = ideas.grow(workspace=workspace, pk=pk, by=request.person, now=now)
            return redirect("plan-item", workspace.slug, item.pk)
        if wish == "remove":
            ideas.remove(workspace=workspace, pk=pk, by=request.person)
        else:
            index = request.POST.get("index", "0")
            ideas.move(
                workspace=workspace, pk=pk, state=request.POST.get("state", ""), by=request.person, now=now,
                index=int(index) if index.isdecimal() and len(index) < 6 else 0,
            )  # fmt: skip
    except UserError as problem:
        if request.headers.get("Accept") == "application/json":
            return HttpResponse(status=409)
        messages.error(request, text_of(problem))
    if request.headers.get("Accept") == "application/json":
        return HttpResponse(status=204)
    return redirect("plan-ideas", workspace.slug)


@require_safe
@needs(Permission.VIEW)
def rubrics(request: WorkspaceRequest) -> HttpResponse:
    """How much of what: wished and real, over the days around today; ``?days=``, ``?edit=``."""
    return _rubrics(request)


def _rubrics(
    request: WorkspaceRequest, error: str = "", typed: Mapping[str, str] | None = None
) -> HttpResponse:
    workspace = request.workspace
    said = request.GET.get("days", "30")
    days = int(said) if said.isdecimal() and len(said) < 4 and int(said) in DAYS else 30
    today = clock.local_day(clock.now(), workspace.time_zone)
    first, after = today - timedelta(days=days - 1), today + timedelta(days=days)
    found = pillars.shares(
        workspace=workspace,
        start=clock.day_start(first, workspace.time_zone),
        end=clock.day_start(after, workspace.time_zone),
    )
    edited = uuid_of(request.GET.get("edit", ""))
    one = next((one.pillar for one in found if one.pillar and one.pillar.pk == edited), None)
    shown = {"id": "", "name": "", "share": "", "colour": "1"}
    if one is not None:
        share = "" if one.share is None else str(one.share)
        shown = {"id": str(one.pk), "name": one.name, "share": share, "colour": str(one.colour)}
    page = PillarsPage(
        shares=found,
        first=first,
        last=after - timedelta(days=1),
        days=days,
        spans=[(one, _("%(days)s days back and ahead") % {"days": one}) for one in DAYS],
        posts=sum(one.posts for one in found),
        colours=range(1, pillars.COLOURS + 1),
        may_edit=may(request.person, Permission.PLAN_EDIT),
        error=error,
        typed=shown | dict(typed or {}),
    )
    return render(request, "plan/rubrics.html", {"page": page}, status=422 if error else 200)


@require_POST
@needs(Permission.PLAN_EDIT)
def put_rubric(request: WorkspaceRequest) -> HttpResponse:
    """Make one, change one, put one away."""
    pk, share = uuid_of(request.POST.get("id", "")), request.POST.get("share", "").strip()
    colour = request.POST.get("colour", "1")
    try:
        if request.POST.get("do") == "archive" and pk:
            pillars.archive(workspace=request.workspace, pk=pk, by=request.person, now=clock.now())
        else:
            pillars.put(
                workspace=request.workspace,
                name=request.POST.get("name", ""),
                colour=int(colour) if colour in "12345678" and colour else 1,
                share=None if not share else int(share) if share.isdecimal() and len(share) < 4 else -1,
                by=request.person,
                pk=pk,
            )
    except UserError as problem:
        return _rubrics(request, text_of(problem), {key: str(request.POST[key]) for key in request.POST})
    return redirect("plan-rubrics", request.workspace.slug)


urlpatterns = [
    path("plan/ideas/", board, name="plan-ideas"),
    path("plan/ideas/change/", change, name="plan-ideas-change"),
    path("plan/rubrics/", rubrics, name="plan-rubrics"),
    path("plan/rubrics/put/", put_rubric, name="plan-rubrics-put"),
]
