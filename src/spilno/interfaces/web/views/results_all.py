"""Results of the whole workspace: what every initiative brought, and which department answers for which number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from spilno.briefs import queries as briefs
from spilno.briefs.models import Initiative
from spilno.briefs.queries import Period
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.views.initiative_frame import (
    PERIOD_STATES,
    PERIODS,
    Result,
    language_of,
    result_of,
)
from spilno.interfaces.web.views.results_facts import facts_url
from spilno.kernel import clock
from spilno.kernel.texts import pick
from spilno.measurement.values import TargetValue, target_values_of
from spilno.team.models import Department, Role
from spilno.team.permissions import Permission


@dataclass(frozen=True)
class Row:
    """A target with the initiative it belongs to."""

    result: Result
    initiative: str
    role: str
    url: str


@dataclass(frozen=True)
class DepartmentCard:
    name: str
    rows: tuple[Row, ...]

    @property
    def reached(self) -> int:
        return sum(one.result.state == "reached" for one in self.rows)

    @property
    def behind(self) -> int:
        return sum(one.result.state == "behind" for one in self.rows)


@dataclass(frozen=True)
class InitiativeRow:
    title: str
    url: str
    kind: str
    starts_on: date
    ends_on: date
    period_state: str
    period_label: str
    results: tuple[tuple[Result, str], ...]  # with the address of the facts
    reached: int
    learned: bool


@dataclass(frozen=True)
class Segment:
    key: str
    label: str
    url: str
    count: int


@dataclass(frozen=True)
class AllResultsPage:
    current: str
    segments: tuple[Segment, ...]
    departments: tuple[DepartmentCard, ...]
    initiatives: tuple[InitiativeRow, ...]
    is_empty: bool  # the workspace has no initiative at all


@require_GET
@needs(Permission.REPORT_VIEW)
def all_results(request: WorkspaceRequest) -> HttpResponse:
    """``?period=running|finished``; by default what runs, else what is over."""
    return render(request, "results/all.html", {"page": all_results_page(request)})


def all_results_page(request: WorkspaceRequest) -> AllResultsPage:
    """In a number of queries that does not depend on how many initiatives there are."""
    workspace, now = request.workspace, clock.now()
    today = clock.local_day(now, workspace.time_zone)
    by_period: dict[str, list[Initiative]] = defaultdict(list)
    for one in briefs.initiatives(workspace):
        by_period[briefs.period_of(one, today)].append(one)
    wanted = request.GET.get("period", "")
    if wanted not in (Period.RUNNING, Period.FINISHED):
        wanted = Period.RUNNING if by_period[Period.RUNNING] else Period.FINISHED
    shown = by_period[wanted]
    for one in shown:
        one.workspace = workspace
    values = target_values_of(shown, now)
    address = reverse("results", args=[workspace.slug])
    labels = {Period.RUNNING: _("Running"), Period.FINISHED: _("Finished")}
    return AllResultsPage(
        current=wanted,
        segments=tuple(
            Segment(key, label, f"{address}?period={key}", len(by_period[key]))
            for key, label in labels.items()
        ),
        departments=_departments(request, shown, values, today),
        initiatives=tuple(_row(request, one, values[one.pk], today) for one in shown),
        is_empty=not any(by_period.values()),
    )


def _facts_url(request: WorkspaceRequest, initiative: Initiative, one: TargetValue) -> str:
    channel = one.target.channel.key if one.target.channel else ""
    return facts_url(request.workspace.slug, initiative.slug, one.target.metric, channel)


def _row(
    request: WorkspaceRequest, initiative: Initiative, values: Sequence[TargetValue], today: date
) -> InitiativeRow:
    period = briefs.period_of(initiative, today)
    results = tuple(
        (result_of(one, initiative, today), _facts_url(request, initiative, one)) for one in values
    )
    return InitiativeRow(
        title=pick(initiative.title, language_of()),
        url=reverse("initiatives-results", args=[request.workspace.slug, initiative.slug]),
        kind=initiative.kind,
        starts_on=initiative.starts_on,
        ends_on=initiative.ends_on,
        period_state=PERIOD_STATES[period],
        period_label=str(PERIODS[period]),
        results=results,
        reached=sum(one.state == "reached" for one, _url in results),
        learned=bool(initiative.learned),
    )


def _departments(
    request: WorkspaceRequest,
    initiatives: Sequence[Initiative],
    values: Mapping[UUID, Sequence[TargetValue]],
    today: date,
) -> tuple[DepartmentCard, ...]:
    """Departments in the workspace's order; those that answer for nothing now are left out."""
    language = language_of()
    roles = {key: str(label) for key, label in Role.choices}
    rows: dict[str, list[Row]] = defaultdict(list)
    for initiative in initiatives:
        for one in values[initiative.pk]:
            rows[one.definition.department].append(
                Row(
                    result=result_of(one, initiative, today),
                    initiative=pick(initiative.title, language),
                    role=roles.get(one.definition.role, one.definition.role),
                    url=_facts_url(request, initiative, one),
                )
            )
    order = {"behind": 0, "unknown": 1, "open": 2, "reached": 3}
    names = {
        one.key: pick(one.name, language) for one in Department.objects.filter(workspace=request.workspace)
    }
    return tuple(
        DepartmentCard(names.get(key, key), tuple(sorted(rows[key], key=lambda row: order[row.result.state])))
        for key in sorted(rows, key=lambda key: list(names).index(key) if key in names else 99)
    )
