"""Reading initiatives and briefs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from spilno.briefs.models import Brief, Initiative, Target
from spilno.team.models import Workspace
from spilno.toolkit.metrics import Definition, get


class Period(StrEnum):
    """Where an initiative is in its own time."""

    UPCOMING = "upcoming"
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True)
class Missing:
    """One thing that a brief still needs. ``field``: the input to jump to."""

    code: str
    text: Promise
    field: str


@dataclass(frozen=True)
class Step:
    """One thing that a good brief has. Only ``required`` ones keep it from becoming ready."""

    code: str
    text: Promise
    field: str
    done: bool
    required: bool


def period_of(initiative: Initiative, today: date) -> Period:
    """``today``: the calendar day in the workspace's time zone."""
    if today < initiative.starts_on:
        return Period.UPCOMING
    return Period.FINISHED if today > initiative.ends_on else Period.RUNNING


def initiatives(workspace: Workspace, *, archived: bool = False) -> QuerySet[Initiative]:
    """Initiatives, those in the archive apart, with brief, targets and owners: two queries for any number."""
    targets = Target.objects.filter(workspace=workspace).select_related("channel")
    return (
        Initiative.objects.filter(workspace=workspace, archived_at__isnull=not archived)
        .select_related("workspace", "brief", "community", "owner")
        .prefetch_related(Prefetch("brief__targets", queryset=targets))
        .order_by("-ends_on", "-created_at")
    )


def initiative_of(workspace: Workspace, slug: str) -> Initiative:
    """The workspace's initiative of that slug, with brief, community and owner.

    :raises Initiative.DoesNotExist: there is none in *this* workspace.
    """
    return Initiative.objects.select_related("workspace", "brief", "community", "owner").get(
        workspace=workspace, slug=slug
    )


def target_of(initiative: Initiative, target_id: UUID) -> Target:
    """:raises Target.DoesNotExist: there is none in *this* initiative's brief."""
    return Target.objects.select_related("brief__initiative", "channel").get(
        pk=target_id, brief__initiative=initiative, workspace_id=initiative.workspace_id
    )


def definition_of(target: Target) -> Definition | None:
    """The KPI of a target; ``None`` if this version of Spilno does not know the key."""
    try:
        return get(target.metric)
    except KeyError:
        return None


def due_of(target: Target, initiative: Initiative) -> date:
    """The day by which the value is wanted: the target's own, else the initiative's last."""
    return target.due_on or initiative.ends_on


def steps(brief: Brief, targets: Iterable[Target] | None = None) -> list[Step]:
    """What a brief consists of and how far it is, in the order of the page.

    ``targets``: the brief's targets, if the caller has them already.
    """
    chosen = list(brief.targets.all()) if targets is None else list(targets)
    initiative = brief.initiative
    measurable = [one for one in chosen if definition_of(one) is not None]
    on_time = all(due_of(one, initiative) >= initiative.starts_on for one in chosen)
    deadline_fits = brief.content_due is None or brief.content_due <= initiative.ends_on
    found = [
        Step("task", _("Say which task the content must solve"), "task", bool(_text(brief.task)), True),
        Step("targets", _("Name at least one result that can be measured"), "targets", bool(chosen), True),
    ]
    if len(measurable) < len(chosen):
        found.append(
            Step("unknown_metric", _("Remove the target whose KPI is not known"), "targets", False, True)
        )
    if not on_time:
        found.append(
            Step("target_too_early", _("Move target dates to after the start"), "targets", False, True)
        )
    if not deadline_fits:
        late = _("Move the content deadline before the end")
        found.append(Step("content_due_late", late, "content_due", False, True))
    dated, shown = brief.content_due is not None, bool(brief.report_formats)
    return [
        *found,
        Step("audience", _("Describe who it is for"), "audience", bool(_text(brief.audience)), False),
        Step("content_due", _("Set the content deadline"), "content_due", dated, False),
        Step("report_formats", _("Choose how results are shown"), "report_formats", shown, False),
    ]


def missing(brief: Brief, targets: Iterable[Target] | None = None) -> list[Missing]:
    """What keeps the brief from becoming ready; empty if nothing does."""
    return [
        Missing(one.code, one.text, one.field)
        for one in steps(brief, targets)
        if one.required and not one.done
    ]


def _text(value: dict[str, str] | None) -> str:
    return next((text for text in (value or {}).values() if text and text.strip()), "")
