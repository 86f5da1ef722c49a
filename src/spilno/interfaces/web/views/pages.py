"""An initiative's public pages as their makers see them: what they say, who came, and through which post."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from spilno.briefs.models import Initiative, InitiativeKind
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.views.initiative_frame import frame_context, initiative_or_404, language_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import LANGUAGES
from spilno.pages import queries, services
from spilno.pages.models import Entry, PageKind, PublicPage
from spilno.pages.queries import PageView
from spilno.plan.queries import title_of
from spilno.team import audit
from spilno.team.models import Language
from spilno.team.permissions import Permission, may

_BASE = "initiatives/<slug:initiative>/page/"
_TEXTS = ("title", "body", "place")
SHOWN = 200  # rows on the page; the file has all


class WallTimeField(forms.CharField):
    """A time as somebody types it, without a zone: what it means is asked of the workspace."""

    widget = forms.DateTimeInput

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return datetime.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            raise forms.ValidationError(__("This is not a date and time.")) from None


class PageForm(forms.Form):
    """The page's texts in three languages, and when, where and for how many."""

    starts_at = WallTimeField(label=_("Begins"))
    ends_at = WallTimeField(label=_("Ends"), required=False)
    capacity = forms.IntegerField(
        label=_("Seats"), required=False, min_value=1, help_text=_("Empty: no limit.")
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_event = kind == PageKind.REGISTRATION
        if not self.is_event:
            for name in ("starts_at", "ends_at", "capacity"):
                del self.fields[name]
        for language in LANGUAGES:
            self.fields[f"title_{language}"] = forms.CharField(
                label=_("Title"), required=False, max_length=services.TITLE_LENGTH
            )
            self.fields[f"body_{language}"] = forms.CharField(
                label=_("What it is about"),
                required=False,
                max_length=services.BODY_LENGTH,
                widget=forms.Textarea(attrs={"rows": 6}),
            )
            if self.is_event:
                self.fields[f"place_{language}"] = forms.CharField(
                    label=_("Place or link"), required=False, max_length=services.PLACE_LENGTH
                )

    def texts(self, name: str) -> dict[str, str]:
        """A LocalText of what was typed."""
        return {
            one: text for one in LANGUAGES if (text := self.cleaned_data.get(f"{name}_{one}", "").strip())
        }

    def groups(self) -> list[tuple[str, str, list[forms.BoundField], bool]]:
        """(language, its name, its fields, shown at once), the reader's language first."""
        mine, names = language_of(), dict(Language.choices)
        found = []
        for language in sorted(LANGUAGES, key=lambda one: one != mine):
            fields = [self[f"{name}_{language}"] for name in _TEXTS if f"{name}_{language}" in self.fields]
            filled = any(one.value() for one in fields) or any(one.errors for one in fields)
            found.append((language, str(names[language]), fields, language == mine or filled))
        return found

    def show(self, error: UserError) -> None:
        """Put a domain error beside its field."""
        field = error.field if error.field in self.fields else f"{error.field}_{language_of()}"
        self.add_error(field if field in self.fields else None, text_of(error))


@dataclass(frozen=True)
class Row:
    """One person on the list. ``through``: the post that brought them."""

    entry: Entry
    through: str
    channel: str
    network: str


@dataclass(frozen=True)
class PagePage:
    """A public page's own page. ``view`` is ``None`` while the initiative has none."""

    view: PageView | None
    segments: list[dict[str, str]]
    rows: list[Row]
    more: int
    may_edit: bool
    may_see_people: bool
    missing_links: int
    missing_kinds: list[tuple[str, str]]
    is_event: bool


def _page_or_404(initiative: Initiative, pk: UUID) -> PublicPage:
    found = next((one for one in queries.pages_of(initiative) if one.pk == pk), None)
    if found is None:
        raise Http404
    return found


@needs(Permission.VIEW)
@require_safe
def public_page(request: WorkspaceRequest, initiative: str) -> HttpResponse:
    """The initiative's public page: its address, its numbers, who came."""
    found = initiative_or_404(request, initiative)
    pages = queries.pages_of(found)
    kind = request.GET.get("kind", "")
    current = next((one for one in pages if one.kind == kind), pages[0] if pages else None)
    context = {
        "frame": frame_context(request, found, current="page"),
        "page": _page(request, found, pages, current),
    }
    return render(request, "pages/page.html", context)


def _page(
    request: WorkspaceRequest, initiative: Initiative, pages: list[PublicPage], current: PublicPage | None
) -> PagePage:
    here = reverse("initiatives-page", args=[request.workspace.slug, initiative.slug])
    see = may(request.person, Permission.PERSONAL_DATA_VIEW)
    entries = queries.entries(current) if current and see else None
    there = {one.kind for one in pages}
    return PagePage(
        view=queries.page_view(current, now=clock.now()) if current else None,
        segments=[
            {"key": one.kind, "label": str(PageKind(one.kind).label), "url": f"{here}?kind={one.kind}"}
            for one in pages
        ],
        rows=[_row(one) for one in entries[:SHOWN]] if entries is not None else [],
        more=max(0, entries.count() - SHOWN) if entries is not None else 0,
        may_edit=may(request.person, Permission.PAGE_EDIT),
        may_see_people=see,
        missing_links=queries.without_link(current).count() if current else 0,
        missing_kinds=[(str(kind), str(label)) for kind, label in PageKind.choices if kind not in there],
        is_event=initiative.kind == InitiativeKind.EVENT,
    )


def _row(entry: Entry) -> Row:
    variant = entry.link.variant if entry.link else None
    return Row(
        entry=entry,
        through=title_of(variant.item.title, variant.item.text) if variant else "",
        channel=variant.channel.name if variant else "",
        network=variant.channel.network if variant else "",
    )


@needs(Permission.PAGE_EDIT)
def public_page_new(request: WorkspaceRequest, initiative: str, kind: str) -> HttpResponse:
    """A public page of a kind that the initiative does not have yet."""
    found = initiative_or_404(request, initiative)
    if kind not in PageKind.values:
        raise Http404
    initial = {f"title_{language}": text for language, text in found.title.items()}
    form = PageForm(request.POST or None, kind=kind, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.create_page(
                initiative=found, by=request.person, now=clock.now(), kind=kind, **_values(request, form)
            )
        except UserError as error:
            form.show(error)
        else:
            messages.success(request, __("The page is open. Put its address into a post."))
            return redirect(_address(request, found, kind))
    return _form(request, found, form, kind, None)


@needs(Permission.PAGE_EDIT)
def public_page_edit(request: WorkspaceRequest, initiative: str, page: UUID) -> HttpResponse:
    """Texts, time, place and seats of a public page."""
    found = initiative_or_404(request, initiative)
    current = _page_or_404(found, page)
    zone = ZoneInfo(request.workspace.time_zone)
    initial: dict[str, Any] = {"capacity": current.capacity}
    for name in ("starts_at", "ends_at"):
        moment = getattr(current, name)
        initial[name] = moment.astimezone(zone).replace(tzinfo=None) if moment else None
    for name in _TEXTS:
        initial |= {f"{name}_{language}": text for language, text in getattr(current, name).items()}
    form = PageForm(request.POST or None, kind=current.kind, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_page(page=current, by=request.person, now=clock.now(), **_values(request, form))
        except UserError as error:
            form.show(error)
        else:
            messages.success(request, __("Saved."))
            return redirect(_address(request, found, current.kind))
    return _form(request, found, form, current.kind, current)


def _values(request: WorkspaceRequest, form: PageForm) -> Mapping[str, Any]:
    """:raises UserError: for a time that does not exist, or comes twice."""
    values: dict[str, Any] = {name: form.texts(name) for name in _TEXTS if name != "place" or form.is_event}
    if form.is_event:
        values["capacity"] = form.cleaned_data["capacity"]
        for name in ("starts_at", "ends_at"):
            typed = form.cleaned_data[name]
            try:
                values[name] = clock.from_wall(typed, request.workspace.time_zone) if typed else None
            except UserError as error:
                raise UserError(error.code, field=name, **error.params) from None
    return values


def _form(
    request: WorkspaceRequest, initiative: Initiative, form: PageForm, kind: str, current: PublicPage | None
) -> HttpResponse:
    context = {
        "frame": frame_context(request, initiative, current="page"),
        "form": form,
        "current": current,
        "label": str(PageKind(kind).label),
        "back": _address(request, initiative, kind),
        "autosave": f"public-page:{current.pk if current else f'{initiative.pk}:{kind}'}",
    }
    return render(request, "pages/form.html", context, status=422 if form.is_bound else 200)


def _address(request: WorkspaceRequest, initiative: Initiative, kind: str) -> str:
    return f"{reverse('initiatives-page', args=[request.workspace.slug, initiative.slug])}?kind={kind}"


@needs(Permission.PAGE_EDIT)
@require_POST
def public_page_open(request: WorkspaceRequest, initiative: str, page: UUID) -> HttpResponse:
    """Open or close the page; the other button undoes it."""
    found = initiative_or_404(request, initiative)
    current = _page_or_404(found, page)
    is_open = request.POST.get("open") == "1"
    services.set_open(page=current, by=request.person, now=clock.now(), is_open=is_open)
    messages.success(
        request,
        __("The page is open.") if is_open else __("The page is closed. Those who came stay on the list."),
    )
    return redirect(_address(request, found, current.kind))


@needs(Permission.PLAN_EDIT)
@require_POST
def public_page_links(request: WorkspaceRequest, initiative: str, page: UUID) -> HttpResponse:
    """A short link for every post of the initiative that has none yet."""
    found = initiative_or_404(request, initiative)
    current = _page_or_404(found, page)
    made = services.track_page(page=current, by=request.person, now=clock.now())
    messages.success(request, __("Short links made: %(number)s. Copy each into its post.") % {"number": made})
    return redirect(_address(request, found, current.kind) + "#links")


@needs(Permission.PERSONAL_DATA_VIEW)
@require_safe
def public_page_csv(request: WorkspaceRequest, initiative: str, page: UUID) -> HttpResponse:
    """Everybody on the list as a file for a spreadsheet; that it was taken is on record."""
    found = initiative_or_404(request, initiative)
    current = _page_or_404(found, page)
    zone = ZoneInfo(request.workspace.time_zone)
    into = io.StringIO()
    table = csv.writer(into)
    table.writerow(
        [
            __("Name"),
            __("E-mail"),
            __("Company"),
            __("Note"),
            __("Registered"),
            __("Cancelled"),
            __("Channel"),
            __("Post"),
        ]
    )
    number = 0
    for one in map(_row, queries.entries(current).order_by("created_at")):
        entry, number = one.entry, number + 1
        times = [
            f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else ""
            for at in (entry.created_at, entry.cancelled_at)
        ]
        words = (entry.name, entry.email, entry.company, entry.note, *times, one.channel, one.through)
        table.writerow([_harmless(text) for text in words])
    audit.record(
        workspace=request.workspace, by=request.person, action="page.exported", object_kind="page",
        object_id=current.pk, now=clock.now(), initiative_id=found.pk, rows=number,
    )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{current.slug}.csv"'}
    # The mark at the beginning tells spreadsheets that it is UTF-8.
    return HttpResponse("\ufeff" + into.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def _harmless(text: str) -> str:
    """What a visitor typed must not run as a formula in somebody's spreadsheet."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


urlpatterns: list[URLPattern] = [
    path(_BASE, public_page, name="initiatives-page"),
    path(f"{_BASE}new/<slug:kind>/", public_page_new, name="initiatives-page-new"),
    path(f"{_BASE}<uuid:page>/edit/", public_page_edit, name="initiatives-page-edit"),
    path(f"{_BASE}<uuid:page>/open/", public_page_open, name="initiatives-page-open"),
    path(f"{_BASE}<uuid:page>/links/", public_page_links, name="initiatives-page-links"),
    path(f"{_BASE}<uuid:page>/people.csv", public_page_csv, name="initiatives-page-csv"),
]
