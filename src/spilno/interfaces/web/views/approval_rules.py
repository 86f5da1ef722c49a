"""Settings: who approves what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from spilno.channels.models import Channel
from spilno.interfaces.web import approval_words as words
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.plan.approvals import queries, services
from spilno.plan.approvals.models import ApprovalFlow, GuestReviewer, Needs
from spilno.plan.approvals.services import StageDraft
from spilno.team.models import Language, Person, Role
from spilno.team.permissions import Permission

ALL = "all"  # in an address: the rules of every channel without its own


@dataclass(frozen=True)
class Rule:
    """One line of the overview."""

    key: str
    name: str
    network: str
    stages: Sequence[words.StageLine]
    own: bool  # rules of its own
    exists: bool


@dataclass(frozen=True)
class RulesPage:
    rules: Sequence[Rule]
    guests: Sequence[GuestReviewer]
    languages: Sequence[tuple[str, str]]
    typed: QueryDict
    error: str = ""
    field: str = ""


def _lines(flow: ApprovalFlow | None, names: Mapping[str, str]) -> list[words.StageLine]:
    if flow is None:
        return []
    stages = queries.stages_of(flow)
    return [
        words.StageLine(
            one.name or _("Stage %(number)s") % {"number": number}, one.needs_all, False,
            tuple(words.Asked(words.part_word(part, names)) for part in one.approvers),
        )
        for number, one in enumerate(stages, 1)
    ]  # fmt: skip


def _overview(request: WorkspaceRequest, error: UserError | None = None) -> HttpResponse:
    workspace = request.workspace
    flows = queries.flows({workspace.pk}).by_channel
    common = flows.get((workspace.pk, None))
    parts = {part for flow in flows.values() for one in queries.stages_of(flow) for part in one.approvers}
    names = queries.names_of(parts, workspace)
    rules = [Rule(ALL, _("All channels"), "", _lines(common, names), True, common is not None)]
    for one in Channel.objects.filter(workspace=workspace, is_active=True).order_by("name"):
        flow = flows.get((workspace.pk, one.pk))
        rules.append(
            Rule(one.key, one.name, one.network, _lines(flow, names), flow is not None, flow is not None)
        )
    page = RulesPage(
        rules=rules,
        guests=list(GuestReviewer.objects.filter(workspace=workspace, is_active=True)),
        languages=Language.choices,
        typed=request.POST,
        error=text_of(error) if error else "",
        field=error.field if error else "",
    )
    return render(request, "approvals/rules.html", {"page": page}, status=422 if error else 200)


@needs(Permission.CHANNEL_MANAGE)
@require_http_methods(["GET", "HEAD"])
def overview(request: WorkspaceRequest) -> HttpResponse:
    """All rules, and the guests who can be asked."""
    return _overview(request)


@dataclass(frozen=True)
class StageForm:
    number: int
    id: str
    name: str
    needs: str
    who: frozenset[str]

    @property
    def number_text(self) -> str:
        """For names of fields, which templates put together from texts."""
        return str(self.number)


@dataclass(frozen=True)
class EditPage:
    key: str
    name: str
    channel: Channel | None
    stages: Sequence[StageForm]
    people: Sequence[tuple[str, str]]
    roles: Sequence[tuple[str, str]]
    guests: Sequence[tuple[str, str]]
    needs: Sequence[tuple[str, str]]
    own_allowed: bool
    again_on_time: bool
    exists: bool
    error: str = ""


def _typed_stages(post: QueryDict) -> list[StageForm]:
    return [
        StageForm(
            number, post.get(f"stage-{number}-id", "")[:40], post.get(f"stage-{number}-name", "")[:60],
            post.get(f"stage-{number}-needs", Needs.ANY), frozenset(post.getlist(f"stage-{number}-who")),
        )
        for number in range(services.STAGES_MOST)
    ]  # fmt: skip


@needs(Permission.CHANNEL_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: WorkspaceRequest, scope: str) -> HttpResponse:
    """The stages of one channel, or of all that have none of their own. A stage with nobody ticked goes away."""
    workspace = request.workspace
    channel = None
    if scope != ALL:
        channel = Channel.objects.filter(workspace=workspace, key=scope).first()
        if channel is None:
            raise Http404
    if request.method == "POST":
        typed = _typed_stages(request.POST)
        try:
            services.save_flow(
                workspace=workspace, by=request.person, now=clock.now(), channel=channel,
                stages=[
                    StageDraft(sorted(one.who), one.needs, one.name, uuid_of(one.id)) for one in typed if one.who
                ],
                own_allowed=request.POST.get("own_allowed") == "1",
                again_on_time=request.POST.get("again_on_time") == "1",
            )  # fmt: skip
        except UserError as error:
            return _edit(request, scope, channel, typed, error)
        messages.success(request, _("Saved. What waits for approval now follows these rules."))
        return redirect("settings-approvals", workspace.slug)
    return _edit(request, scope, channel, None, None)


def _edit(
    request: WorkspaceRequest,
    scope: str,
    channel: Channel | None,
    typed: list[StageForm] | None,
    error: UserError | None,
) -> HttpResponse:
    workspace = request.workspace
    flows = queries.flows({workspace.pk}).by_channel
    flow = flows.get((workspace.pk, channel.pk if channel else None))
    stages = typed if typed is not None else _saved_stages(flow)
    people = Person.objects.filter(workspace=workspace, is_active=True).exclude(roles=[Role.GUEST])
    guests = GuestReviewer.objects.filter(workspace=workspace, is_active=True)
    post: Any = request.POST
    page = EditPage(
        key=scope,
        name=channel.name if channel else _("All channels"),
        channel=channel,
        stages=stages,
        people=[(f"person:{one.pk}", one.name) for one in people],
        roles=[(f"role:{key}", str(label)) for key, label in Role.choices if key != Role.GUEST],
        guests=[(f"guest:{one.pk}", one.name) for one in guests],
        needs=[(str(key), str(label)) for key, label in Needs.choices],
        own_allowed=post.get("own_allowed") == "1" if typed else bool(flow and flow.own_allowed),
        again_on_time=post.get("again_on_time") == "1" if typed else bool(flow and flow.again_on_time),
        exists=flow is not None,
        error=text_of(error) if error else "",
    )
    return render(request, "approvals/rules_edit.html", {"page": page}, status=422 if error else 200)


def _saved_stages(flow: ApprovalFlow | None) -> list[StageForm]:
    found = [
        StageForm(
            number,
            str(one.pk),
            one.name,
            one.needs,
            frozenset(queries.key_of(who) for who in one.approvers.all()),
        )
        for number, one in enumerate(flow.stages.all() if flow else ())
    ]
    empty = range(len(found), services.STAGES_MOST)
    return [*found, *(StageForm(number, "", "", Needs.ANY, frozenset()) for number in empty)]


@needs(Permission.CHANNEL_MANAGE)
@require_POST
def drop(request: WorkspaceRequest, scope: str) -> HttpResponse:
    """Let a channel follow the common rules again."""
    channel = Channel.objects.filter(workspace=request.workspace, key=scope).first()
    if channel is None:
        raise Http404
    services.drop_flow(workspace=request.workspace, by=request.person, now=clock.now(), channel=channel)
    messages.success(request, _("This channel follows the common rules"))
    return redirect("settings-approvals", request.workspace.slug)


@needs(Permission.CHANNEL_MANAGE)
@require_POST
def guest_add(request: WorkspaceRequest) -> HttpResponse:
    """A guest who can be asked."""
    try:
        services.save_guest(
            workspace=request.workspace, by=request.person, now=clock.now(), name=request.POST.get("name", ""),
            email=request.POST.get("email", ""), language=request.POST.get("language", ""),
        )  # fmt: skip
    except UserError as error:
        return _overview(request, error)
    messages.success(request, _("Saved. Tick this guest in a stage to ask them."))
    return redirect("settings-approvals", request.workspace.slug)


@needs(Permission.CHANNEL_MANAGE)
@require_POST
def guest_forget(request: WorkspaceRequest, guest: UUID) -> HttpResponse:
    """Ask a guest no more."""
    found = GuestReviewer.objects.filter(workspace=request.workspace, pk=guest, is_active=True).first()
    if found is None:
        raise Http404
    try:
        services.forget_guest(guest=found, by=request.person, now=clock.now())
    except UserError as error:
        messages.error(request, text_of(error))
    else:
        messages.success(request, _("They are not asked any more, and their links ended"))
    return redirect("settings-approvals", request.workspace.slug)


urlpatterns = [
    path("settings/approvals/", overview, name="settings-approvals"),
    path("settings/approvals/guests/", guest_add, name="settings-approvals-guest"),
    path(
        "settings/approvals/guests/<uuid:guest>/forget/", guest_forget, name="settings-approvals-guest-forget"
    ),
    path("settings/approvals/<slug:scope>/", edit, name="settings-approvals-edit"),
    path("settings/approvals/<slug:scope>/drop/", drop, name="settings-approvals-drop"),
]
