"""The frame of an initiative: one place with a header and tabs. Every tab's page begins with it.

A tab's view puts ``"frame": frame_context(request, initiative, current="plan")`` into its context and its template
extends ``initiatives/_frame.html``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.http import Http404
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from spilno.briefs import queries as briefs
from spilno.briefs.models import Brief, BriefState, Initiative
from spilno.briefs.queries import Period
from spilno.contingency.models import Proposal, ProposalState
from spilno.interfaces.web.access import WorkspaceRequest
from spilno.kernel import clock
from spilno.kernel.texts import LANGUAGES, pick
from spilno.measurement.values import TargetValue, target_values
from spilno.team.permissions import Permission, may

PERIODS: dict[str, Promise | str] = {
    Period.UPCOMING: _("upcoming"),
    Period.RUNNING: _("running"),
    Period.FINISHED: _("finished"),
}
# Which pill (templatetags/ui.py) shows it.
PERIOD_STATES = {Period.UPCOMING: "planned", Period.RUNNING: "running", Period.FINISHED: "finished"}

TABS = (
    ("brief", _("Brief")),
    ("plan", _("Plan")),
    ("page", _("Public page")),
    ("contingency", _("Contingency")),
    ("results", _("Results")),
    ("log", _("Log")),
)


@dataclass(frozen=True)
class Result:
    """A target and its value now, ready to be shown. ``state``: reached · behind · open · unknown."""

    label: Mapping[str, str]
    channel: str
    value: Decimal | None
    target: Decimal
    unit: str
    state: str
    due_on: date
    signed: bool
    better: str


@dataclass(frozen=True)
class Tab:
    key: str
    label: str
    url: str
    count: int | None = None


@dataclass(frozen=True)
class InitiativeFrame:
    """What stands above every tab of an initiative."""

    initiative: Initiative
    brief: Brief
    title: str
    question: str
    period: str
    period_label: str
    period_state: str
    main: Result | None
    reached: int
    targets: int
    current: str
    tabs: tuple[Tab, ...]
    may_edit: bool

    @property
    def is_ready(self) -> bool:
        return self.brief.state == BriefState.READY

    @property
    def all_reached(self) -> bool:
        return self.targets > 0 and self.reached == self.targets


def initiative_or_404(request: WorkspaceRequest, slug: str) -> Initiative:
    """The workspace's initiative; to this workspace those of others do not exist."""
    try:
        return briefs.initiative_of(request.workspace, slug)
    except Initiative.DoesNotExist as error:
        raise Http404 from error


def frame_context(request: WorkspaceRequest, initiative: Initiative, current: str = "") -> InitiativeFrame:
    """The header of the initiative, in five queries. ``current``: the key of the tab that is open."""
    now = clock.now()
    today = clock.local_day(now, request.workspace.time_zone)
    language = language_of()
    period = briefs.period_of(initiative, today)
    results = [result_of(one, initiative, today) for one in target_values(initiative, now)]
    waiting = Proposal.objects.filter(
        workspace=request.workspace, checkpoint__initiative=initiative, state=ProposalState.OPEN
    ).count()
    return InitiativeFrame(
        initiative=initiative,
        brief=initiative.brief,
        title=pick(initiative.title, language),
        question=pick(initiative.brief.task, language),
        period=period,
        period_label=str(PERIODS[period]),
        period_state=PERIOD_STATES[period],
        main=results[0] if results else None,
        reached=sum(one.state == "reached" for one in results),
        targets=len(results),
        current=current,
        tabs=_tabs(request, initiative, {"contingency": waiting or None}),
        may_edit=may(request.person, Permission.INITIATIVE_EDIT),
    )


def result_of(one: TargetValue, initiative: Initiative, today: date) -> Result:
    """A target's value with its state: behind only once its day has passed, unknown if nobody can say."""
    due_on = briefs.due_of(one.target, initiative)
    if one.value.value is None:
        state = "unknown"
    elif one.reached:
        state = "reached"
    else:
        state = "behind" if today > due_on and one.reached is False else "open"
    return Result(
        label=one.definition.label,
        channel=one.target.channel.name if one.target.channel else "",
        value=one.value.value,
        target=one.target.value,
        unit=one.definition.unit,
        state=state,
        due_on=due_on,
        signed=one.definition.formula == "cumulative",
        better=one.definition.better,
    )


def language_of() -> str:
    """The reader's language."""
    return (get_language() or "uk")[:2]


def editing_language(text: Mapping[str, str] | None) -> str:
    """Which language a person who edits a LocalText edits: the one they are shown, else their own."""
    shown = next((one for one in (language_of(), *LANGUAGES) if (text or {}).get(one)), None)
    return shown or language_of()


def _tabs(
    request: WorkspaceRequest, initiative: Initiative, counts: Mapping[str, int | None]
) -> tuple[Tab, ...]:
    here = [request.workspace.slug, initiative.slug]
    return tuple(
        Tab(key, str(label), reverse(f"initiatives-{key}", args=here), counts.get(key)) for key, label in TABS
    )
