"""The cards of the list of initiatives: what it is for, how it stands, what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from spilno.briefs import queries as briefs
from spilno.briefs.models import BriefState, Initiative
from spilno.briefs.queries import Period
from spilno.contingency.models import Proposal, ProposalState
from spilno.interfaces.web.views.initiative_frame import (
    PERIOD_STATES,
    PERIODS,
    Result,
    language_of,
    result_of,
)
from spilno.kernel import clock
from spilno.kernel.texts import pick
from spilno.measurement.values import target_values_of
from spilno.plan.models import Variant
from spilno.publishing.states import AHEAD
from spilno.team.models import Workspace

FINISHED_SHOWN = 9


@dataclass(frozen=True)
class NextStep:
    """The one thing to do next. ``at``: when something happens by itself. ``asks``: a person has to act."""

    text: str
    url: str
    at: datetime | None = None
    asks: bool = False


@dataclass(frozen=True)
class Card:
    initiative: Initiative
    title: str
    question: str
    url: str
    period: str
    period_label: str
    period_state: str
    is_ready: bool
    main: Result | None
    others: tuple[Result, ...]
    reached: int
    targets: int
    posts: int
    next: NextStep


@dataclass(frozen=True)
class CardGroup:
    period: str
    label: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class CardsPage:
    groups: tuple[CardGroup, ...]
    archived: bool
    has_archived: bool
    hidden: int  # finished ones beyond those shown

    @property
    def is_empty(self) -> bool:
        return not self.groups


@dataclass(frozen=True)
class _Posts:
    count: int = 0
    next_at: datetime | None = None


def cards_page(
    workspace: Workspace, now: datetime, *, archived: bool = False, everything: bool = False
) -> CardsPage:
    """Running first, then upcoming, then what is over (only the latest unless ``everything``).

    The number of queries does not depend on the number of initiatives.
    """
    today = clock.local_day(now, workspace.time_zone)
    rows = briefs.initiatives(workspace)
    if archived:
        rows = briefs.initiatives(workspace, archived=True)
    found = list(rows)
    by_period: dict[Period, list[Initiative]] = {period: [] for period in Period}
    for one in found:
        by_period[briefs.period_of(one, today)].append(one)
    by_period[Period.UPCOMING].reverse()  # the next to begin first
    by_period[Period.RUNNING].reverse()  # the next to end first
    over = by_period[Period.FINISHED]
    shown = over if everything or archived else over[:FINISHED_SHOWN]
    by_period[Period.FINISHED] = shown
    cards = _cards(workspace, [one for some in by_period.values() for one in some], now, today)
    order = (Period.RUNNING, Period.UPCOMING, Period.FINISHED)
    labels = {
        Period.RUNNING: _("Running now"),
        Period.UPCOMING: _("Coming up"),
        Period.FINISHED: _("Finished"),
    }
    return CardsPage(
        groups=tuple(
            CardGroup(period, labels[period], tuple(cards[one.pk] for one in by_period[period]))
            for period in order
            if by_period[period]
        ),
        archived=archived,
        has_archived=archived
        or Initiative.objects.filter(workspace=workspace, archived_at__isnull=False).exists(),
        hidden=len(over) - len(shown),
    )


def _cards(workspace: Workspace, rows: list[Initiative], now: datetime, today: date) -> dict[UUID, Card]:
    values = target_values_of(rows, now)
    posts = _posts(rows)
    waiting = set(
        Proposal.objects.filter(
            workspace=workspace, state=ProposalState.OPEN, checkpoint__initiative__in=[one.pk for one in rows]
        ).values_list("checkpoint__initiative_id", flat=True)
    )
    language = language_of()
    cards = {}
    for one in rows:
        period = briefs.period_of(one, today)
        results = [result_of(value, one, today) for value in values[one.pk]]
        cards[one.pk] = Card(
            initiative=one,
            title=pick(one.title, language),
            question=pick(one.brief.task, language),
            url=page_of("brief", workspace, one),
            period=period,
            period_label=str(PERIODS[period]),
            period_state=PERIOD_STATES[period],
            is_ready=one.brief.state == BriefState.READY,
            main=results[0] if results else None,
            others=tuple(results[1:]),
            reached=sum(result.state == "reached" for result in results),
            targets=len(results),
            posts=posts.get(one.pk, _Posts()).count,
            next=_next_step(workspace, one, period, posts.get(one.pk, _Posts()), one.pk in waiting),
        )
    return cards


def _posts(rows: Iterable[Initiative]) -> dict[UUID, _Posts]:
    counted = (
        Variant.objects.filter(item__initiative__in=[one.pk for one in rows], item__deleted_at=None)
        .order_by()
        .values("item__initiative_id")
        .annotate(
            count=Count("pk", filter=Q(item__reserve=False) | Q(delivery__isnull=False)),
            next_at=Min("delivery__due_at", filter=Q(delivery__state__in=AHEAD)),
        )
    )
    return {one["item__initiative_id"]: _Posts(one["count"], one["next_at"]) for one in counted}


def _next_step(
    workspace: Workspace, one: Initiative, period: Period, posts: _Posts, has_proposal: bool
) -> NextStep:
    if has_proposal:
        return NextStep(_("Decide on a proposal"), page_of("contingency", workspace, one), asks=True)
    if period is Period.FINISHED:
        if not one.learned:
            return NextStep(_("Write down what was learned"), page_of("results", workspace, one))
        return NextStep(_("Look at the results"), page_of("results", workspace, one))
    if one.brief.state != BriefState.READY:
        lacking = briefs.missing(one.brief)
        text = str(lacking[0].text) if lacking else _("Agree on the brief")
        anchor = f"#{lacking[0].field}" if lacking else ""
        return NextStep(text, page_of("brief", workspace, one) + anchor, asks=True)
    if posts.count == 0:
        return NextStep(_("Plan the first post"), page_of("plan", workspace, one), asks=True)
    if posts.next_at is not None:
        return NextStep(_("Next post"), page_of("plan", workspace, one), at=posts.next_at)
    return NextStep(_("Plan the next post"), page_of("plan", workspace, one))


def page_of(tab: str, workspace: Workspace, initiative: Initiative) -> str:
    """The address of an initiative's tab."""
    return reverse(f"initiatives-{tab}", args=[workspace.slug, initiative.slug])
