"""The brief: the question first, then the results wanted, then everything around them.

What is typed is saved when a field is left. A save answers with small pieces only (version, note, steps), so that
nothing under the fingers is replaced; only an error or a meeting of two edits brings the form back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import reswap, retarget

from spilno.briefs import queries, services
from spilno.briefs.models import Brief, Initiative, ReportFormat, Target
from spilno.briefs.queries import Step
from spilno.briefs.values import as_typed, read_number
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import read_day
from spilno.interfaces.web.views.brief_targets import TargetForm, TargetsPart, targets_part
from spilno.interfaces.web.views.initiative_frame import (
    InitiativeFrame,
    editing_language,
    frame_context,
    initiative_or_404,
)
from spilno.kernel import clock
from spilno.kernel.errors import Conflict, UserError
from spilno.kernel.texts import pick, with_text
from spilno.plan import deadlines
from spilno.plan.deadlines import Deadline
from spilno.team.permissions import Permission, may
from spilno.toolkit.metrics import Unit

ANCHORS = {"targets": "#targets"} | {
    name: f"#id_{name}" for name in ("task", "audience", "content_due", "report_formats")
}
PARTS = {"task": ("task",), "details": ("audience", "content_due", "budget", "report_formats")}


@dataclass(frozen=True)
class Form:
    """One of the brief's two forms as it stands in the page, with what was typed and what is wrong with it."""

    part: str
    version: int
    values: Mapping[str, Any]
    errors: Mapping[str, str] = field(default_factory=dict)
    theirs: Mapping[str, str] = field(default_factory=dict)  # what somebody else saved meanwhile, in words
    saved_at: datetime | None = None

    @property
    def problem(self) -> str:
        """What is wrong with the form as a whole."""
        return self.errors.get("", "")


@dataclass(frozen=True)
class BriefPage:
    frame: InitiativeFrame
    task: Form
    details: Form
    targets: TargetsPart
    steps: tuple[Step, ...]
    lacking: int
    may_edit: bool
    report_formats: tuple[tuple[str, str], ...]
    deadlines: Sequence[Deadline]  # of its content, channel by channel
    today: date

    @property
    def is_ready(self) -> bool:
        return self.frame.is_ready

    @property
    def may_change(self) -> bool:
        """May task and targets change now?"""
        return self.may_edit and not self.is_ready

    @property
    def shown_steps(self) -> list[dict[str, Any]]:
        """The steps for the list of what is missing."""
        return [
            {
                "label": one.text,
                "done": one.done,
                "url": ANCHORS.get(one.field, "#brief"),
                "note": "" if one.required or one.done else _("can come later"),
            }
            for one in self.steps
        ]


def _page(
    request: WorkspaceRequest,
    initiative: Initiative,
    *,
    form: Form | None = None,
    target: TargetForm | None = None,
) -> BriefPage:
    brief = initiative.brief
    rows = list(Target.objects.filter(brief=brief).select_related("channel"))
    steps = tuple(queries.steps(brief, rows))
    may_edit = may(request.person, Permission.BRIEF_EDIT)
    forms = {part: _form(brief, part) for part in PARTS} | ({form.part: form} if form else {})
    return BriefPage(
        frame=frame_context(request, initiative, current="brief"),
        task=forms["task"],
        details=forms["details"],
        targets=targets_part(request.workspace, initiative, rows, may_edit=may_edit, form=target),
        steps=steps,
        lacking=sum(one.required and not one.done for one in steps),
        may_edit=may_edit,
        report_formats=tuple((str(key), str(label)) for key, label in ReportFormat.choices),
        deadlines=deadlines.of_initiative(initiative),
        today=clock.local_day(clock.now(), request.workspace.time_zone),
    )


def _form(brief: Brief, part: str, **more: Any) -> Form:
    sign = "." if editing_language({}) == "en" else ","
    values = {
        "task": pick(brief.task, editing_language(brief.task)),
        "audience": pick(brief.audience, editing_language(brief.audience)),
        "content_due": brief.content_due.isoformat() if brief.content_due else "",
        "budget": as_typed(brief.budget, Unit.MONEY, decimal_sign=sign),
        "report_formats": list(brief.report_formats),
    }
    return Form(part, brief.version, {name: values[name] for name in PARTS[part]}, **more)


@needs(Permission.VIEW, post=Permission.BRIEF_EDIT)
def brief(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """Show the brief, or save one of its two forms."""
    found = initiative_or_404(request, initiative)
    if request.method != "POST":
        chosen = TargetForm.blank(request.GET.get("metric", ""))
        page = _page(request, found, target=chosen)
        return render(request, "briefs/brief.html", {"page": page, "frame": page.frame})
    part = request.POST.get("part", "")
    if part not in PARTS:
        raise Http404
    typed = _typed(request, part)
    try:
        saved = services.save_brief(
            brief=found.brief,
            by=request.person,
            now=clock.now(),
            **_values(found.brief, typed, request.POST.get("version", "")),
        )
    except UserError as error:
        return _refused(request, found, part, typed, error)
    if not request.htmx:
        messages.success(request, _("Saved."))
        return redirect("initiatives-brief", request.workspace.slug, found.slug)
    found.brief = saved
    page = _page(request, found, form=_form(saved, part, saved_at=saved.updated_at))
    context = {"page": page, "frame": page.frame, "oob": True}
    return render(request, f"briefs/brief.html#{part}_saved", context)


def _typed(request: WorkspaceRequest, part: str) -> dict[str, Any]:
    return {
        name: request.POST.getlist(name) if name == "report_formats" else request.POST.get(name, "")
        for name in PARTS[part]
    }


def _values(brief: Brief, typed: Mapping[str, Any], version: str) -> dict[str, Any]:
    """All that the brief consists of: what was typed, the rest as it is."""
    values: dict[str, Any] = {
        "task": brief.task,
        "audience": brief.audience,
        "content_due": brief.content_due,
        "budget": brief.budget,
        "report_formats": brief.report_formats,
        "expected_version": int(version) if version.isdecimal() and len(version) < 10 else 0,
    }
    for name, text in typed.items():
        if name in ("task", "audience"):
            old = getattr(brief, name)
            values[name] = with_text(old, editing_language(old), text.strip())
        elif name == "content_due":
            values[name] = read_day(text, "content_due")
        elif name == "budget":
            values[name] = read_number(text, Unit.MONEY, field="budget") if text.strip() else None
        else:
            values[name] = text
    return values


def _refused(
    request: WorkspaceRequest, initiative: Initiative, part: str, typed: dict[str, Any], error: UserError
) -> HttpResponse:
    """The form again, with everything that was typed, and why it was not saved."""
    version = request.POST.get("version", "")
    theirs: dict[str, str] = {}
    errors: dict[str, str] = {}
    if isinstance(error, Conflict):
        # Saving once more with this version keeps one's own words, knowingly.
        version = str(error.params["version"])
        theirs = {
            name: _in_words(value, request)
            for name, value in error.params["current"].items()
            if name in PARTS[part]
        }
        errors[""] = text_of(error)
    else:
        errors[error.field if error.field in PARTS[part] else ""] = text_of(error)
    initiative.brief.refresh_from_db()
    form = Form(part, int(version) if version.isdecimal() else 0, typed, errors, theirs)
    page = _page(request, initiative, form=form)
    context = {"page": page, "frame": page.frame}
    if not request.htmx:
        return render(request, "briefs/brief.html", context, status=422)
    html = render_to_string(f"briefs/brief.html#{part}_form", context, request)
    return retarget(reswap(HttpResponse(html, status=422), "outerHTML"), f"#{part}-form")


def _in_words(value: Any, request: WorkspaceRequest) -> str:
    if isinstance(value, dict):
        return pick(value, editing_language(value)) or "—"
    if isinstance(value, Decimal):
        return as_typed(value, Unit.MONEY)
    if isinstance(value, list):
        names = dict(ReportFormat.choices)
        return ", ".join(str(names.get(one, one)) for one in value) or "—"
    return value.isoformat() if isinstance(value, date) else "—"


@needs(Permission.BRIEF_EDIT)
@require_POST
def ready(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """The brief is agreed, if nothing is missing."""
    found = initiative_or_404(request, initiative)
    try:
        services.mark_ready(brief=found.brief, by=request.person, now=clock.now())
    except UserError as error:
        messages.error(request, text_of(error))
    else:
        messages.success(request, _("The brief is ready. Plan what goes out."))
    return redirect("initiatives-brief", request.workspace.slug, found.slug)


@needs(Permission.BRIEF_EDIT)
@require_POST
def reopen(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """Task and targets may change again."""
    found = initiative_or_404(request, initiative)
    services.reopen(brief=found.brief, by=request.person, now=clock.now())
    messages.success(request, _("The brief is a draft again."))
    return redirect("initiatives-brief", request.workspace.slug, found.slug)


# ------------------------------------------------------------------------------------------------ targets


@needs(Permission.BRIEF_EDIT)
def targets(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """The form for a new target (GET, with ``metric``), or a new target (POST)."""
    found = initiative_or_404(request, initiative)
    if request.method != "POST":
        return _targets(request, found, TargetForm.blank(request.GET.get("metric", "")))
    form = TargetForm.typed(request.POST)
    try:
        services.add_target(
            brief=found.brief,
            by=request.person,
            now=clock.now(),
            metric=form.metric,
            **form.values(request.workspace),
        )
    except UserError as error:
        return _targets(request, found, form.wrong(error), status=422)
    return _targets(request, found, None)


@needs(Permission.BRIEF_EDIT)
def target(request: WorkspaceRequest, initiative: str, target: UUID) -> HttpResponse:
    """The form of a target (GET), or its change (POST)."""
    found = initiative_or_404(request, initiative)
    one = _target_or_404(found, target)
    if request.method != "POST":
        return _targets(request, found, TargetForm.of(one))
    form = TargetForm.typed(request.POST, one)
    try:
        services.update_target(
            target=one, by=request.person, now=clock.now(), **form.values(request.workspace)
        )
    except UserError as error:
        return _targets(request, found, form.wrong(error), status=422)
    return _targets(request, found, None)


@needs(Permission.BRIEF_EDIT)
@require_POST
def target_remove(request: WorkspaceRequest, initiative: str, target: UUID) -> HttpResponse:
    """Take a target out of the brief."""
    found = initiative_or_404(request, initiative)
    form = None
    try:
        one = queries.target_of(found, target)
        services.remove_target(target=one, by=request.person, now=clock.now())
    except Target.DoesNotExist:
        pass  # it is gone already, which is what was wanted
    except UserError as error:
        form = TargetForm().wrong(error)
    return _targets(request, found, form, status=422 if form else 200)


def _target_or_404(initiative: Initiative, target: UUID) -> Target:
    try:
        return queries.target_of(initiative, target)
    except Target.DoesNotExist as error:
        raise Http404 from error


def _targets(
    request: WorkspaceRequest, initiative: Initiative, form: TargetForm | None, status: int = 200
) -> HttpResponse:
    """The targets, and beside them what hangs on them; without htmx the whole page."""
    if not request.htmx and request.method == "POST" and status == 200:
        return redirect("initiatives-brief", request.workspace.slug, initiative.slug)
    page = _page(request, initiative, target=form)
    name = "briefs/brief.html#targets_changed" if request.htmx else "briefs/brief.html"
    context = {"page": page, "frame": page.frame, "oob": bool(request.htmx)}
    return render(request, name, context, status=status)


urlpatterns: list[URLPattern] = [
    path("initiatives/<slug:initiative>/brief/", brief, name="initiatives-brief"),
    path("initiatives/<slug:initiative>/brief/ready/", ready, name="initiatives-brief-ready"),
    path("initiatives/<slug:initiative>/brief/reopen/", reopen, name="initiatives-brief-reopen"),
    path("initiatives/<slug:initiative>/brief/targets/", targets, name="initiatives-brief-targets"),
    path(
        "initiatives/<slug:initiative>/brief/targets/<uuid:target>/", target, name="initiatives-brief-target"
    ),
    path(
        "initiatives/<slug:initiative>/brief/targets/<uuid:target>/remove/",
        target_remove,
        name="initiatives-brief-target-remove",
    ),
]
