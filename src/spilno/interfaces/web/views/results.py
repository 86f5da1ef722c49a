"""Results of one initiative: targets, curves, posts, what was learned; as page, PDF, HTML and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from spilno.briefs.models import Initiative, Target
from spilno.briefs.services import LEARNED_LENGTH, write_learned
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.views.initiative_frame import (
    editing_language,
    frame_context,
    initiative_or_404,
    language_of,
)
from spilno.interfaces.web.views.results_all import all_results
from spilno.interfaces.web.views.results_facts import facts, facts_url
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick, with_text
from spilno.measurement import collect
from spilno.measurement.jobs import collect_now
from spilno.plan.models import Media
from spilno.reports.charts import curve_spec
from spilno.reports.document import PostResult, ResultsReport, TargetResult, to_json
from spilno.reports.formats import day, number
from spilno.reports.queries import results_report
from spilno.reports.sentences import columns
from spilno.team.permissions import Permission, may

NARROW = 2
"""Columns of numbers that fit beside the curve."""


@dataclass(frozen=True)
class Tile:
    """One target as the page shows it. ``state``: reached · behind · open · unknown."""

    label: str
    result: TargetResult
    state: str
    note: str
    url: str


@dataclass(frozen=True)
class Chart:
    """A curve with its sentence; ``table`` says the same in numbers."""

    id: str
    sentence: str
    spec: dict[str, Any] | None
    table: dict[str, Any]
    height: int
    url: str


@dataclass(frozen=True)
class PostRow:
    post: PostResult
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class PostTable:
    """What went out, with the numbers of some columns."""

    heads: tuple[str, ...]
    rows: tuple[PostRow, ...]


@dataclass(frozen=True)
class ResultsPage:
    report: ResultsReport
    tiles: tuple[Tile, ...]
    main: Chart | None
    charts: tuple[Chart, ...]
    posts: PostTable
    posts_in_full: PostTable | None  # if there are more numbers than the narrow table shows
    learned: str
    learned_text: str  # what the form shows: the text in the language that is edited
    learned_language: str
    learned_limit: int
    may_write: bool
    is_over: bool


def report_for(request: WorkspaceRequest, initiative: Initiative) -> ResultsReport:
    """The initiative's report in the reader's language, with links into this workspace's pages."""
    slug = request.workspace.slug

    def facts_address(target: Target) -> str:
        return facts_url(slug, initiative.slug, target.metric, target.channel.key if target.channel else "")

    def picture_address(media: Media) -> str:
        return reverse("library-small", args=[slug, media.pk])

    return results_report(
        workspace=request.workspace,
        initiative=initiative,
        language=language_of(),
        now=clock.now(),
        facts_address=facts_address,
        picture_address=picture_address,
    )


@require_GET
@needs(Permission.REPORT_VIEW)
def results(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """The tab."""
    initiative = initiative_or_404(request, slug)
    return render(
        request,
        "results/initiative.html",
        {
            "frame": frame_context(request, initiative, current="results"),
            "page": results_page(request, initiative),
        },
    )


def results_page(request: WorkspaceRequest, initiative: Initiative, typed: str | None = None) -> ResultsPage:
    """Everything the tab shows. ``typed``: what somebody typed about what was learned, if it was refused."""
    report = report_for(request, initiative)
    main = _main(report)
    charts = {one.metric + (one.subject.key if one.subject else ""): one for one in report.targets}
    full = columns(report.posts)
    language = editing_language(initiative.learned)
    return ResultsPage(
        report=report,
        tiles=tuple(_tile(one, report) for one in report.targets),
        main=_chart(main, report, 0, height=250) if main else None,
        charts=tuple(
            _chart(one, report, index, height=180)
            for index, one in enumerate(charts.values(), start=1)
            if one is not main
        ),
        posts=_posts(report, columns(report.posts, most=NARROW)),
        posts_in_full=_posts(report, full) if len(full) > NARROW else None,
        learned=report.learned,
        learned_text=pick(initiative.learned, language) if typed is None else typed,
        learned_language=language,
        learned_limit=LEARNED_LENGTH,
        may_write=may(request.person, Permission.INITIATIVE_EDIT),
        is_over=report.is_over,
    )


def _posts(report: ResultsReport, shown: Sequence[str]) -> PostTable:
    return PostTable(
        heads=tuple(report.metric_labels.get(key, key) for key in shown),
        rows=tuple(
            PostRow(one, tuple(number(one.metrics.get(key), language=report.language) for key in shown))
            for one in report.posts
        ),
    )


def _main(report: ResultsReport) -> TargetResult | None:
    """The curve that is shown large: of what posts bring, else of whatever has one."""
    curved = [one for one in report.targets if sum(point.value is not None for point in one.curve) > 1]
    return next((one for one in curved if one.parts), curved[0] if curved else None)


def _tile(one: TargetResult, report: ResultsReport) -> Tile:
    if one.value is None:
        state = "unknown"
    elif one.reached:
        state = "reached"
    else:
        over = (one.due_on or report.period_to) < report.today
        state = "behind" if over and one.reached is False else "open"
    note = ""
    if one.is_change and one.baseline is not None and one.last is not None:
        was, became = (
            number(value, unit=one.level_unit, language=report.language) for value in (one.baseline, one.last)
        )
        note = f"{was} → {became}"
    return Tile(one.title, one, state, note, one.facts_url)


def _chart(one: TargetResult, report: ResultsReport, index: int, *, height: int) -> Chart:
    known = [point for point in one.curve if point.value is not None]
    # By the week in a table of a long campaign: every day would be nobody's reading.
    step = max(len(known) // 12, 1)
    kept = [point for place, point in enumerate(known) if place % step == 0 or place == len(known) - 1]

    def shown(value: Any) -> str:
        return number(
            value, unit=one.unit, currency=one.currency, language=report.language, signed=one.is_change
        )

    return Chart(
        id=f"curve-{index}",
        sentence=one.sentence,
        spec=curve_spec(one, report, height=height),
        table={
            "columns": [_("Day"), one.title],
            "rows": [[day(point.day, report.language), shown(point.value)] for point in kept],
        }
        if kept
        else {},
        height=height,
        url=one.facts_url,
    )


@require_POST
@needs(Permission.REPORT_VIEW, post=Permission.INITIATIVE_EDIT)
def learned(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Write down what was learned, in the language it was edited in."""
    initiative = initiative_or_404(request, slug)
    language = request.POST.get("language", "")
    if language not in ("uk", "en", "ru"):
        language = editing_language(initiative.learned)
    typed = request.POST.get("learned", "")
    try:
        write_learned(
            initiative=initiative,
            by=request.person,
            now=clock.now(),
            text=with_text(initiative.learned, language, typed.replace("\r\n", "\n").strip()),
        )
    except UserError as error:
        context = {
            "frame": frame_context(request, initiative, current="results"),
            "page": results_page(request, initiative, typed),
            "learned_error": text_of(error),
        }
        return render(request, "results/initiative.html", context, status=422)
    messages.success(request, _("Saved."))
    return redirect(reverse("initiatives-results", args=[request.workspace.slug, slug]) + "#learned")


@require_POST
@needs(Permission.REPORT_VIEW)
def refresh(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """Ask the networks for fresh numbers, as soon as a worker is free."""
    initiative = initiative_or_404(request, slug)
    collect.ask_again(initiative=initiative, now=clock.now())
    collect_now.defer()
    messages.info(request, _("The networks are being asked. Fresh numbers appear here in a moment."))
    return redirect("initiatives-results", request.workspace.slug, slug)


# -------------------------------------------------------------------------------------------------- as a file


@require_GET
@needs(Permission.REPORT_VIEW)
def report_pdf(request: WorkspaceRequest, slug: str) -> HttpResponse:
    from spilno.reports.pdf import render_pdf  # heavy

    report = report_for(request, initiative_or_404(request, slug))
    return _file(render_pdf(report), "application/pdf", f"{slug}.pdf")


@require_GET
@needs(Permission.REPORT_VIEW)
def report_html(request: WorkspaceRequest, slug: str) -> HttpResponse:
    from spilno.reports.html import render_html  # heavy

    report = report_for(request, initiative_or_404(request, slug))
    return _file(render_html(report).encode(), "text/html; charset=utf-8", f"{slug}.html")


@require_GET
@needs(Permission.REPORT_VIEW)
def report_json(request: WorkspaceRequest, slug: str) -> HttpResponse:
    report = report_for(request, initiative_or_404(request, slug))
    return JsonResponse(to_json(report), json_dumps_params={"ensure_ascii": False, "indent": 2})


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=kind,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


urlpatterns = [
    path("results/", all_results, name="results"),
    path("initiatives/<slug:slug>/results/", results, name="initiatives-results"),
    path("initiatives/<slug:slug>/results/learned/", learned, name="initiatives-learned"),
    path("initiatives/<slug:slug>/results/refresh/", refresh, name="initiatives-refresh"),
    path("initiatives/<slug:slug>/results/facts/<slug:metric>/", facts, name="results-facts"),
    path("initiatives/<slug:slug>/report.pdf", report_pdf, name="initiatives-report-pdf"),
    path("initiatives/<slug:slug>/report.html", report_html, name="initiatives-report-html"),
    path("initiatives/<slug:slug>/report.json", report_json, name="initiatives-report-json"),
]
