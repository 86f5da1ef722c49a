"""The facts and readings behind a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from spilno.briefs.models import Initiative, Target
from spilno.channels.models import Channel
from spilno.facts.models import Fact, Kind, Observation
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.ui.numbers import shown_value
from spilno.interfaces.web.views.initiative_frame import frame_context, initiative_or_404, language_of
from spilno.kernel import clock
from spilno.kernel.texts import pick
from spilno.measurement import evidence
from spilno.measurement.questions import Question
from spilno.measurement.values import answer, question_of
from spilno.plan.models import Item, Variant
from spilno.plan.queries import title_of
from spilno.team.models import Workspace
from spilno.team.permissions import Permission
from spilno.toolkit.metrics import Definition, Formula, Value, counter

ROWS = 50

KINDS: dict[str, Promise] = {
    Kind.VISIT: gettext_lazy("Visit"),
    Kind.LEAD: gettext_lazy("Lead"),
    Kind.REGISTRATION: gettext_lazy("Registration"),
    Kind.REGISTRATION_CANCELLED: gettext_lazy("Cancelled registration"),
    Kind.ATTENDANCE: gettext_lazy("Came to the event"),
    Kind.DONATION: gettext_lazy("Donation"),
    Kind.PURCHASE: gettext_lazy("Purchase"),
    Kind.JOIN: gettext_lazy("Joined"),
    Kind.LEAVE: gettext_lazy("Left"),
    Kind.ITEM_GIVEN: gettext_lazy("Item given"),
    Kind.ITEM_EXCHANGED: gettext_lazy("Item exchanged"),
    Kind.MESSAGE: gettext_lazy("Message"),
    Kind.REPLY: gettext_lazy("Reply"),
    Kind.MENTION: gettext_lazy("Mention"),
    Kind.PRODUCT_USE: gettext_lazy("Use of the product"),
    Kind.SPEND: gettext_lazy("Spending"),
}
SCOPES: dict[str, Promise] = {
    "internal": gettext_lazy("from the company"),
    "external": gettext_lazy("from outside"),
}


@dataclass(frozen=True)
class FactRow:
    at: datetime
    kind: str
    what: str
    who: str
    scope: str
    amount: str
    channel: str
    post: str
    tag: str
    source: str
    corrected: bool


@dataclass(frozen=True)
class ReadingRow:
    at: datetime
    counter: str
    subject: str
    value: str
    mark: str  # "baseline", "last" or ""
    source: str


@dataclass(frozen=True)
class FactsPage:
    """A figure, how it is computed, and its rows: ``facts`` or ``readings``."""

    label: str
    description: str
    shown: str
    target: str
    how: tuple[tuple[str, str], ...]
    version: int
    time_zone: str
    facts: Sequence[FactRow]
    readings: Sequence[ReadingRow]
    page: Page[Any]
    columns: frozenset[str]  # which of the columns that may be empty are not
    query: str


def facts_url(workspace: str, initiative: str, metric: str, channel: str = "") -> str:
    """The page with the facts behind a figure."""
    address = reverse("results-facts", args=[workspace, initiative, metric])
    return f"{address}?{urlencode({'channel': channel})}" if channel else address


@require_GET
@needs(Permission.REPORT_VIEW)
def facts(request: WorkspaceRequest, slug: str, metric: str) -> HttpResponse:
    """One target's figure, opened. ``?channel=KEY`` for targets about one channel."""
    initiative = initiative_or_404(request, slug)
    key = request.GET.get("channel", "")
    targets = Target.objects.filter(brief__initiative=initiative, metric=metric).select_related("channel")
    target = next((one for one in targets if (one.channel.key if one.channel else "") == key), None)
    if target is None:
        raise Http404
    request.section = "initiatives"  # type: ignore[attr-defined]
    return render(
        request,
        "results/facts.html",
        {
            "frame": frame_context(request, initiative, current="results"),
            "page": facts_page(request, initiative, target),
            "back": reverse("initiatives-results", args=[request.workspace.slug, slug]),
        },
    )


def facts_page(request: WorkspaceRequest, initiative: Initiative, target: Target) -> FactsPage:
    """The figure of a target with one page of its rows."""
    workspace, language = request.workspace, language_of()
    initiative.workspace = workspace
    question = question_of(target, initiative, clock.now())
    (value,) = answer([question])
    definition = question.definition
    rows: Any = evidence.facts_behind(workspace, question)
    is_read = not definition.uses_facts
    if is_read:
        rows = evidence.readings_behind(workspace, question)
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    found = list(page.object_list)
    fact_rows = [] if is_read else _facts(workspace, found)
    label = pick(definition.label, language)
    signed = definition.formula is Formula.CUMULATIVE
    return FactsPage(
        label=f"{label} · {target.channel.name}" if target.channel else label,
        description=pick(definition.description, language),
        shown=shown_value(value.value, definition.unit, value.currency, signed),
        target=shown_value(target.value, definition.unit, workspace.currency, signed),
        how=_how(definition, value),
        version=definition.version,
        time_zone=question.period.zone,
        facts=fact_rows,
        readings=_readings(workspace, question, found, rows) if is_read else [],
        page=page,
        columns=frozenset(
            name
            for name in ("what", "who", "scope", "amount", "channel", "post", "tag")
            if any(getattr(one, name) for one in fact_rows)
        ),
        query=f"channel={target.channel.key}&" if target.channel else "",
    )


def _how(definition: Definition, value: Value) -> tuple[tuple[str, str], ...]:
    """What went into the number, in words."""
    said: list[tuple[str, str]] = []
    names = {
        "baseline": _("before the start"),
        "last": _("at the end"),
        "numerator": _("above the line"),
        "denominator": _("below the line"),
    }
    if len(value.inputs) > 1:
        for name, number in value.inputs.items():
            said.append((names.get(name, name), shown_value(number, "count")))
    rows = sum(value.rows.values())
    if definition.uses_facts:
        said.append((_("facts"), shown_value(rows, "count")))
        if definition.formula is Formula.DISTINCT:
            said.append((_("different ones among them"), shown_value(value.value, "count")))
    return tuple(said)


def _facts(workspace: Workspace, rows: Sequence[Fact]) -> list[FactRow]:
    channels = dict(
        Channel.objects.filter(
            workspace=workspace, pk__in={one.channel_id for one in rows if one.channel_id}
        ).values_list("pk", "name")
    )
    posts = {
        pk: title_of(title, text, most=50)
        for pk, title, text in Item.objects.filter(
            workspace=workspace, pk__in={one.item_id for one in rows if one.item_id}
        ).values_list("pk", "title", "text")
    }
    return [
        FactRow(
            at=one.occurred_at,
            kind=str(KINDS.get(one.kind, one.kind)),
            what=_what(one),
            who=one.actor,
            scope=str(SCOPES.get(one.actor_scope, one.actor_scope)),
            amount="" if one.amount is None else shown_value(one.amount, "money", one.currency),
            channel=_named(channels, one.channel_id),
            post=_named(posts, one.item_id),
            tag=" / ".join(part for part in (one.utm_source, one.utm_medium) if part),
            source=one.source,
            corrected=one.revision > 0,
        )
        for one in rows
    ]


def _what(fact: Fact) -> str:
    """What it was about: the thing's own name, if the fact knows it."""
    title = fact.data.get("title") if isinstance(fact.data, dict) else ""
    return str(title or fact.subject or "")


def _named(names: dict[UUID, str], key: UUID | None) -> str:
    return names.get(key, "") if key else ""


def _readings(
    workspace: Workspace, question: Question, rows: Sequence[Observation], everything: Any
) -> list[ReadingRow]:
    language = language_of()
    ids = {one.subject_id for one in rows}
    names = dict(Channel.objects.filter(workspace=workspace, pk__in=ids).values_list("pk", "name"))
    for variant in Variant.objects.filter(workspace=workspace, pk__in=ids).select_related("item"):
        names[variant.pk] = title_of(variant.item.title, variant.text or variant.item.text, most=50)
    marks: dict[UUID, str] = {}
    if question.definition.formula is Formula.CUMULATIVE:
        ends = list(everything[:1]), list(everything.reverse()[:1])
        if ends[0] and ends[0][0].observed_at >= question.period.baseline:
            marks[ends[0][0].pk] = "last"
        if ends[1] and ends[1][0].observed_at < question.period.baseline:
            marks[ends[1][0].pk] = "baseline"
    found = []
    for one in rows:
        known = counter(one.metric)
        found.append(
            ReadingRow(
                at=one.observed_at,
                counter=pick(known.label, language) if known else one.metric,
                subject=names.get(one.subject_id, ""),
                value=shown_value(Decimal(one.value), "count"),
                mark=marks.get(one.pk, ""),
                source=one.source,
            )
        )
    return found
