"""The plan as a table: taking one in with a look at every problem first, giving it out, printing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from spilno.channels.models import Channel
from spilno.interfaces.web import plan_marks
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.plan_marks import Entry
from spilno.interfaces.web.planning import Desk, desk_of, entries
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.pages import services as pages
from spilno.plan import calendar
from spilno.plan.models import PlanImport
from spilno.plan.transfer import columns, rows, tables, writing
from spilno.plan.transfer.rows import Checked
from spilno.publishing import importing
from spilno.publishing.composition import LOCKED, SCHEDULED
from spilno.team.permissions import Permission

SHOWN = 500  # good rows that are drawn
KEPT = timedelta(days=14)  # an import that nobody comes back to


@dataclass(frozen=True)
class Field:
    """A cell of a row that has to be mended."""

    name: str  # of the input
    column: str
    value: str
    wide: bool
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    number: int
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class ImportPage:
    plan_import: PlanImport | None = None
    headings: Sequence[str] = ()
    bad: Sequence[Row] = ()
    good: Sequence[Checked] = ()
    good_count: int = 0
    noted: int = 0  # good rows with something one should know
    unknown: Sequence[str] = ()  # headings that are left out
    error: str = ""
    channels: Sequence[Channel] = ()
    columns: Sequence[tuple[str, str]] = ()


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.PLAN_EDIT)
def upload(request: WorkspaceRequest) -> HttpResponse:
    """Choose a file. Nothing is written into the plan by this."""
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            return _take(request, file)
        except UserError as problem:
            error = text_of(problem)
    language = request.LANGUAGE_CODE
    page = ImportPage(
        error=error,
        channels=list(Channel.objects.filter(workspace=request.workspace, is_active=True).order_by("name")),
        columns=[(one, columns.heading(one, language)) for one in columns.COLUMNS],
    )
    return render(request, "plan/import.html", {"page": page}, status=422 if error else 200)


def _take(request: WorkspaceRequest, file: UploadedFile | None) -> HttpResponse:
    if file is None:
        raise UserError("file_missing", field="file")
    if (file.size or 0) > tables.BYTES_MOST:
        raise UserError("file_too_large", field="file", limit=tables.BYTES_MOST // 1_000_000)
    names, found = rows.heading_row(tables.read_table(file.read()))
    if not found:
        raise UserError("file_is_empty", field="file")
    now = clock.now()
    PlanImport.objects.filter(workspace=request.workspace, created_at__lt=now - KEPT).delete()
    made = PlanImport.objects.create(
        workspace=request.workspace,
        person=request.person,
        name=(file.name or "")[:200],
        columns=names,
        rows=[[number, cells] for number, cells in found],
        created_at=now,
    )
    return redirect("plan-import-preview", request.workspace.slug, made.pk)


def _mine(request: WorkspaceRequest, pk: UUID) -> PlanImport:
    found = (
        PlanImport.objects.filter(workspace=request.workspace, person=request.person, pk=pk)
        .select_related("workspace", "person")
        .first()
    )
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.PLAN_EDIT)
def preview(request: WorkspaceRequest, plan_import: UUID) -> HttpResponse:
    """Every problem of every row, with the cells to mend them in. ``do``: mend, import, forget."""
    found = _mine(request, plan_import)
    if request.method == "POST":
        what = request.POST.get("do", "")
        if what == "forget":
            found.delete()
            messages.success(request, _("Nothing was imported."))
            return redirect("plan-import", request.workspace.slug)
        _mend(request, found)
        if what == "import":
            return _apply(request, found)
        return redirect("plan-import-preview", request.workspace.slug, found.pk)
    return _preview(request, found)


def _preview(request: WorkspaceRequest, found: PlanImport, error: str = "") -> HttpResponse:
    checked = rows.check_rows(plan_import=found, now=clock.now())
    good = [one for one in checked if one.good]
    shown = [one for one in columns.COLUMNS if one in found.columns]
    # A column that the file has not, and in which something is missing, is there to be filled.
    shown += [
        one
        for one in columns.COLUMNS
        if one not in shown and any(trouble.field == one for row in checked for trouble in row.errors)
    ]
    page = ImportPage(
        plan_import=found,
        headings=[columns.heading(one, request.LANGUAGE_CODE) for one in shown],
        bad=[_row(one, shown, request.LANGUAGE_CODE) for one in checked if not one.good],
        good=good[:SHOWN],
        good_count=len(good),
        noted=sum(bool(one.troubles) for one in good),
        error=error,
    )
    return render(request, "plan/import_preview.html", {"page": page}, status=422 if error else 200)


def _row(one: Checked, shown: Sequence[str], language: str) -> Row:
    return Row(
        one.number,
        tuple(
            Field(
                name=f"cell-{one.number}-{column}",
                column=columns.heading(column, language),
                value=one.said(column),
                wide=column == columns.TEXT,
                problems=tuple(said.text for said in one.troubles if said.field == column and not said.note),
                notes=tuple(said.text for said in one.troubles if said.field == column and said.note),
            )
            for column in shown
        ),
    )


def _mend(request: WorkspaceRequest, found: PlanImport) -> None:
    """Put typed cells in their places; a column that the file has not is added."""
    names: list[str] = list(found.columns)
    by_number = {number: list(cells) for number, cells in found.rows}
    for key in request.POST:
        value = request.POST.get(key, "")
        if not key.startswith("cell-"):
            continue
        _cell, number_text, column = [*key.split("-", 2), "", ""][:3]
        if not number_text.isdecimal() or column not in columns.COLUMNS:
            continue
        cells = by_number.get(int(number_text))
        if cells is None:
            continue
        if column not in names:
            if not value.strip():
                continue
            names.append(column)
        place = names.index(column)
        cells.extend([""] * (place + 1 - len(cells)))
        cells[place] = value.replace("\x00", "").replace("\r\n", "\n").strip()[: tables.CELL_MOST]
    found.columns, found.rows = names, [[number, by_number[number]] for number, _cells in found.rows]
    found.save(update_fields=["columns", "rows"])


def _apply(request: WorkspaceRequest, found: PlanImport) -> HttpResponse:
    now = clock.now()
    try:
        with transaction.atomic():
            made, change = importing.apply(plan_import=found, by=request.person, now=now)
            for item in made:
                pages.track_item(item=item, now=now)
    except UserError as error:
        inner = error.params.get("error")
        words = text_of(error)
        if isinstance(inner, UserError):
            words = _("Row %(row)s: %(problem)s Nothing was imported.") % {
                "row": error.params["row"],
                "problem": text_of(inner),
            }
        return _preview(request, found, words)
    messages.success(
        request,
        ngettext("%(count)s post imported", "%(count)s posts imported", len(made)) % {"count": len(made)},
    )
    if PlanImport.objects.filter(pk=found.pk).exists():
        return redirect("plan-import-preview", request.workspace.slug, found.pk)
    home = reverse("plan", args=[request.workspace.slug])
    times = [one.publish_at for item in made for one in item.variants.all() if one.publish_at]
    day = clock.local_day(min(times), request.workspace.time_zone) if times else None
    return redirect(f"{home}?view=list&change={change.pk}" + (f"&day={day.isoformat()}" if day else ""))


@require_GET
@needs(Permission.PLAN_EDIT)
def bad_rows(request: WorkspaceRequest, plan_import: UUID) -> HttpResponse:
    """The rows that have to be mended, with the reasons in a column of their own."""
    found = _mine(request, plan_import)
    shown = [one for one in columns.COLUMNS if one in found.columns]
    language = request.LANGUAGE_CODE
    table = [[*(columns.heading(one, language) for one in shown), _("What is wrong")]]
    for one in rows.check_rows(plan_import=found, now=clock.now()):
        if not one.good:
            reasons = "; ".join(
                f"{columns.heading(said.field, language)}: {said.text}" for said in one.errors
            )
            table.append([*(one.said(column) for column in shown), reasons])
    return _file(table, "csv", "spilno-to-mend")


@require_GET
@needs(Permission.PLAN_EDIT)
def template(request: WorkspaceRequest) -> HttpResponse:
    """An empty table with our headings and one example."""
    workspace, language = request.workspace, request.LANGUAGE_CODE
    channel = Channel.objects.filter(workspace=workspace, is_active=True).order_by("name").first()
    tomorrow = clock.local_day(clock.now(), workspace.time_zone) + timedelta(days=1)
    example = {
        columns.DATE: tomorrow.isoformat(),
        columns.TIME: "18:00",
        columns.CHANNEL: channel.name if channel else "",
        columns.TEXT: _("What you want to tell"),
        columns.STATE: columns.STATES.get(language, columns.STATES["en"])[columns.DRAFT],
    }
    table = [writing.headings(language), [example.get(one, "") for one in columns.COLUMNS]]
    return _file(table, "xlsx", "spilno-plan")


def _file(table: Sequence[Sequence[str]], kind: str, name: str) -> HttpResponse:
    if kind == "xlsx":
        content = tables.write_xlsx(table, title=_("Plan"))
        mime = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    else:
        content, mime = tables.write_csv(table), "text/csv; charset=utf-8"
    response = HttpResponse(content, content_type=mime)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


# ------------------------------------------------------------------------------------------------ out


@require_GET
@needs(Permission.VIEW)
def export(request: WorkspaceRequest) -> HttpResponse:
    """What the plan shows, as a table (``format``: csv or xlsx) that can be imported again."""
    desk = desk_of(request)
    workspace, zone = desk.workspace, desk.workspace.time_zone
    first, after = desk.period
    slots = calendar.calendar(
        workspace=workspace,
        start=clock.day_start(first, zone),
        end=clock.day_start(after, zone),
        wanted=desk.filters.wanted,
    )
    table = writing.table_of(
        workspace=workspace,
        slots=slots,
        scheduled=frozenset(str(one) for one in (*SCHEDULED, *LOCKED)),
        language=request.LANGUAGE_CODE,
    )
    kind = "xlsx" if request.GET.get("format") == "xlsx" else "csv"
    return _file([writing.headings(request.LANGUAGE_CODE), *table], kind, f"spilno-plan-{first.isoformat()}")


@dataclass(frozen=True)
class PrintPage:
    desk: Desk
    days: Sequence[tuple[date, Sequence[Entry]]]
    count: int


@require_GET
@needs(Permission.VIEW)
def print_view(request: WorkspaceRequest) -> HttpResponse:
    """The days that the plan shows, on paper."""
    desk = desk_of(request)
    found = entries(desk.workspace, desk.filters, *desk.period)
    days: dict[date, list[Entry]] = {}
    for one in found:
        days.setdefault(clock.local_day(one.at, desk.workspace.time_zone), []).append(one)
    page = PrintPage(desk, list(days.items()), len(found))
    return render(request, "plan/print.html", {"page": page, "desk": desk, "word": plan_marks.word})


urlpatterns = [
    path("plan/import/", upload, name="plan-import"),
    path("plan/import/template.xlsx", template, name="plan-import-template"),
    path("plan/import/<uuid:plan_import>/", preview, name="plan-import-preview"),
    path("plan/import/<uuid:plan_import>/to-mend.csv", bad_rows, name="plan-import-bad"),
    path("plan/export/", export, name="plan-export"),
    path("plan/print/", print_view, name="plan-print"),
]
