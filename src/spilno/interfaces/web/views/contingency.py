"""The contingency plan of an initiative: what happens if the wanted result is not in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from spilno.briefs.models import Initiative, Target
from spilno.briefs.values import as_typed, read_number
from spilno.channels.models import Channel
from spilno.contingency import queries, services
from spilno.contingency.actions import PUBLISH, REMIND
from spilno.contingency.models import Checkpoint, Proposal, ProposalState, Reminder
from spilno.contingency.queries import CheckpointView
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import TEXTS, text_of
from spilno.interfaces.web.views.initiative_frame import (
    InitiativeFrame,
    frame_context,
    initiative_or_404,
    language_of,
)
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.plan.queries import title_of
from spilno.team.permissions import Permission, may
from spilno.toolkit.metrics import all_definitions, get


@dataclass(frozen=True)
class Choice:
    key: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class CheckpointForm:
    """What was typed for a new checkpoint, and what is wrong with it. ``subject``: "metric|channel key"."""

    stage: str = ""
    at: str = ""
    subject: str = ""
    below: str = ""
    publish: tuple[str, ...] = ()
    remind: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    is_open: bool = False

    @classmethod
    def typed(cls, data: QueryDict) -> CheckpointForm:
        return cls(
            stage=data.get("stage", ""),
            at=data.get("at", ""),
            subject=data.get("subject", ""),
            below=data.get("below", ""),
            publish=tuple(data.getlist("publish")),
            remind=tuple(data.getlist("remind")),
            is_open=True,
        )

    def wrong(self, error: UserError) -> CheckpointForm:
        known = {"stage": "stage", "at": "at", "metric": "subject", "channel": "subject", "below": "below",
                 "actions": "actions"}  # fmt: skip
        return replace(self, errors={known.get(error.field, ""): text_of(error)})

    @property
    def problem(self) -> str:
        return self.errors.get("", "")

    def values(self, request: WorkspaceRequest) -> dict[str, Any]:
        """What the domain takes.

        :raises UserError: ``date_wrong``, ``unknown_metric``, ``unknown_channel``, ``time_does_not_exist`` …
        """
        metric, _bar, key = self.subject.partition("|")
        try:
            definition = get(metric)
        except KeyError as error:
            raise UserError("unknown_metric", field="metric", metric=metric[:60]) from error
        channel = None
        if key:
            channel = Channel.objects.filter(workspace=request.workspace, key=key).first()
            if channel is None:
                raise UserError("unknown_channel", field="channel")
        return {
            "stage": self.stage,
            "at": _moment(self.at, request.workspace.time_zone),
            "metric": metric,
            "channel": channel,
            "below": read_number(self.below, definition.unit, field="below"),
            "actions": [*({PUBLISH: one} for one in self.publish), *({REMIND: one} for one in self.remind)],
        }


@dataclass(frozen=True)
class Outcome:
    """One thing that was done after a proposal was accepted, in words."""

    text: str
    failed: bool


@dataclass(frozen=True)
class Past:
    """A checkpoint that looked, and what came of it."""

    view: CheckpointView
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class ContingencyPage:
    frame: InitiativeFrame
    open: tuple[CheckpointView, ...]
    ahead: tuple[CheckpointView, ...]
    past: tuple[Past, ...]
    form: CheckpointForm
    subjects: tuple[tuple[str, str], ...]
    reserve: tuple[Choice, ...]
    channels: tuple[Choice, ...]
    reminders: tuple[Reminder, ...]
    may_edit: bool
    new_reserve_url: str

    @property
    def is_empty(self) -> bool:
        return not (self.open or self.ahead or self.past)

    @property
    def can_add(self) -> bool:
        """Is there anything that a plan could do?"""
        return bool(self.reserve or self.channels)


def _page(
    request: WorkspaceRequest, initiative: Initiative, form: CheckpointForm | None = None
) -> ContingencyPage:
    views = queries.checkpoints(initiative)
    language = language_of()
    targets = list(Target.objects.filter(brief=initiative.brief).select_related("channel"))
    channels = list(
        Channel.objects.filter(workspace=request.workspace, is_active=True).select_related("owner")
    )
    reserve = queries.reserve_of(initiative)
    return ContingencyPage(
        frame=frame_context(request, initiative, current="contingency"),
        open=tuple(one for one in views if one.is_open),
        ahead=tuple(one for one in views if one.fired_at is None),
        past=tuple(
            Past(one, _outcomes(one.proposal))
            for one in reversed(views)
            if one.fired_at is not None and not one.is_open
        ),
        form=form or _suggested(initiative, targets, request),
        subjects=_subjects(targets, language),
        reserve=tuple(
            Choice(
                one.key,
                title_of(one.title, one.text) or one.key,
                ", ".join(variant.channel.name for variant in one.variants.all()) or _("no channel yet"),
            )
            for one in reserve
        ),
        channels=tuple(Choice(one.key, one.name, one.owner.name if one.owner else "") for one in channels),
        reminders=tuple(
            queries.open_reminders(request.workspace).filter(proposal__checkpoint__initiative=initiative)
        ),
        may_edit=may(request.person, Permission.CONTINGENCY_DECIDE),
        new_reserve_url=_new_reserve(request, initiative),
    )


def _new_reserve(request: WorkspaceRequest, initiative: Initiative) -> str:
    if not may(request.person, Permission.PLAN_EDIT):
        return ""
    here = reverse("initiatives-contingency", args=[request.workspace.slug, initiative.slug])
    query = urlencode({"initiative": initiative.slug, "reserve": 1, "next": here})
    return f"{reverse('plan-new', args=[request.workspace.slug])}?{query}"


def _subjects(targets: list[Target], language: str) -> tuple[tuple[str, str], ...]:
    """What can be looked at: the brief's targets first, then every metric that needs no channel."""
    labels = {one.key: pick(one.label, language) for one in all_definitions()}
    chosen = {
        f"{one.metric}|{one.channel.key if one.channel else ''}": labels[one.metric]
        + (f" · {one.channel.name}" if one.channel else "")
        for one in targets
        if one.metric in labels
    }
    others = {
        f"{one.key}|": labels[one.key]
        for one in sorted(all_definitions(), key=lambda one: labels[one.key])
        if not one.subject_required
    }
    return tuple((chosen | {key: label for key, label in others.items() if key not in chosen}).items())


def _suggested(initiative: Initiative, targets: list[Target], request: WorkspaceRequest) -> CheckpointForm:
    """Half-way to the end, at noon, half of the first target: something to begin from."""
    zone = request.workspace.time_zone
    today = clock.local_day(clock.now(), zone)
    first = max(initiative.starts_on, today)
    day = first + (initiative.ends_on - first) / 2 if first < initiative.ends_on else initiative.ends_on
    if day <= today:
        day = min(today + timedelta(days=1), initiative.ends_on)
    target = targets[0] if targets else None
    below = subject = ""
    if target is not None:
        subject = f"{target.metric}|{target.channel.key if target.channel else ''}"
        try:
            definition = get(target.metric)
        except KeyError:
            subject = ""
        else:
            half = (target.value / 2).quantize(Decimal(1)) if definition.unit == "count" else target.value / 2
            below = as_typed(half, definition.unit, decimal_sign="." if language_of() == "en" else ",")
    at = datetime.combine(day, time(12), ZoneInfo(zone))
    return CheckpointForm(stage=_("Half-way"), at=at.strftime("%Y-%m-%dT%H:%M"), subject=subject, below=below)


def _moment(text: str, zone: str) -> datetime:
    """What the browser's picker sends, as UTC.

    :raises UserError: ``date_wrong``, ``time_does_not_exist``, ``time_is_ambiguous``.
    """
    try:
        wall = parse_datetime(text.strip())
    except ValueError:
        wall = None
    if wall is None:
        raise UserError("date_wrong", field="at", typed=text[:40])
    try:
        return clock.from_wall(wall, zone).astimezone(UTC)
    except UserError as error:
        raise UserError(error.code, field="at", **error.params) from error
    except OverflowError as error:  # the year 9999 in another zone
        raise UserError("date_wrong", field="at", typed=text[:40]) from error


def _outcomes(proposal: Proposal | None) -> tuple[Outcome, ...]:
    if proposal is None or proposal.state != ProposalState.ACCEPTED:
        return ()
    return tuple(_outcome(one) for one in proposal.results)


def _outcome(result: Mapping[str, Any]) -> Outcome:
    if result["outcome"] == "failed":
        reason = text_of(UserError(result["code"], **result["params"])) if result["code"] in TEXTS else ""
        return Outcome(f"{result['label']}: {reason or result['code']}", failed=True)
    if result["do"] == PUBLISH:
        words = _("“%(label)s” was sent to %(channel)s")
    elif result["person"]:
        words = _("%(person)s was asked to remind people in %(channel)s")
    else:
        words = _("Remind people in %(channel)s")
    return Outcome(words % result, failed=False)


def _render(page: ContingencyPage, request: WorkspaceRequest, status: int = 200) -> HttpResponse:
    return render(request, "contingency/page.html", {"page": page, "frame": page.frame}, status=status)


@needs(Permission.VIEW, post=Permission.CONTINGENCY_DECIDE)
def contingency(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """Show the plan, or add a checkpoint to it."""
    found = initiative_or_404(request, initiative)
    if request.method != "POST":
        return _render(_page(request, found), request)
    form = CheckpointForm.typed(request.POST)
    try:
        services.add_checkpoint(initiative=found, by=request.person, now=clock.now(), **form.values(request))
    except UserError as error:
        return _render(_page(request, found, form.wrong(error)), request, status=422)
    messages.success(request, _("Spilno will look then and propose what you chose."))
    return redirect("initiatives-contingency", request.workspace.slug, found.slug)


@needs(Permission.CONTINGENCY_DECIDE)
@require_POST
def checkpoint_remove(request: WorkspaceRequest, initiative: str, checkpoint: UUID) -> HttpResponse:
    found = initiative_or_404(request, initiative)
    try:
        one = queries.checkpoint_of(found, checkpoint)
        services.remove_checkpoint(checkpoint=one, by=request.person, now=clock.now())
    except Checkpoint.DoesNotExist:
        pass  # it is gone already, which is what was wanted
    except UserError as error:
        messages.error(request, text_of(error))
    else:
        messages.success(request, _("The checkpoint is removed."))
    return redirect("initiatives-contingency", request.workspace.slug, found.slug)


@needs(Permission.CONTINGENCY_DECIDE)
@require_POST
def accept(request: WorkspaceRequest, initiative: str, proposal: UUID) -> HttpResponse:
    """Do what is proposed."""
    found = initiative_or_404(request, initiative)
    try:
        done = services.accept(proposal=_proposal_or_404(found, proposal), by=request.person, now=clock.now())
    except UserError as error:
        messages.error(request, _why(error))
    else:
        failed = [one.text for one in _outcomes(done) if one.failed]
        if failed:
            messages.warning(request, _("Done, except: %(what)s") % {"what": "; ".join(failed)})
        else:
            messages.success(request, _("Done: it is on its way."))
    return redirect("initiatives-contingency", request.workspace.slug, found.slug)


def _why(error: UserError) -> str:
    reasons = error.params.get("reasons", [])
    said = [text_of(UserError(code, **params)) for code, params in reasons if code in TEXTS]
    return " ".join([text_of(error), *dict.fromkeys(said)])


@needs(Permission.CONTINGENCY_DECIDE)
@require_POST
def dismiss(request: WorkspaceRequest, initiative: str, proposal: UUID) -> HttpResponse:
    """Decide to do nothing."""
    found = initiative_or_404(request, initiative)
    try:
        services.dismiss(proposal=_proposal_or_404(found, proposal), by=request.person, now=clock.now())
    except UserError as error:
        messages.error(request, text_of(error))
    else:
        messages.success(request, _("Dismissed. The log remembers it."))
    return redirect("initiatives-contingency", request.workspace.slug, found.slug)


def _proposal_or_404(initiative: Initiative, proposal: UUID) -> Proposal:
    try:
        return queries.proposal_of(initiative, proposal)
    except Proposal.DoesNotExist as error:
        raise Http404 from error


_BASE = "initiatives/<slug:initiative>/contingency/"
urlpatterns: list[URLPattern] = [
    path(_BASE, contingency, name="initiatives-contingency"),
    path(
        f"{_BASE}checkpoints/<uuid:checkpoint>/remove/",
        checkpoint_remove,
        name="initiatives-contingency-remove",
    ),
    path(f"{_BASE}proposals/<uuid:proposal>/accept/", accept, name="initiatives-contingency-accept"),
    path(f"{_BASE}proposals/<uuid:proposal>/dismiss/", dismiss, name="initiatives-contingency-dismiss"),
]
