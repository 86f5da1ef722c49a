"""What outsiders see: registration, lead form, cancelling, short links. No login, no cookies, no JavaScript."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date
from django import forms
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from spilno.interfaces.web.messages import text_of
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.pages import gatekeeper, queries, services
from spilno.pages.addresses import LINK, UTM, destination, is_public_page
from spilno.pages.event_file import event_file
from spilno.pages.mail import zone_text
from spilno.pages.models import Entry, PageKind, PublicPage
from spilno.pages.queries import Door

_THANKS = "spilno.pages.thanks"
_THANKS_SECONDS = 60 * 60 * 24
_FEW = 10  # so many free seats or fewer are worth saying


class EntryForm(forms.Form):
    """What a visitor types; the rules are the domain's."""

    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    company = forms.CharField(
        label=_("Company"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    note = forms.CharField(
        label=_("What are you interested in?"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind == PageKind.REGISTRATION:
            del self.fields["note"]


@dataclass(frozen=True)
class Brand:
    name: str
    logo_url: str = ""
    colour: str = ""
    url: str = ""


@dataclass(frozen=True)
class VisitorPage:
    """A public page as a visitor sees it."""

    page: PublicPage
    title: str
    body: str
    place: str
    zone: str
    door: Door
    left: int | None  # free seats, if few are left
    ics_url: str
    leaf_month: str = ""  # of the calendar leaf beside the title
    leaf_day: str = ""

    @property
    def is_event(self) -> bool:
        """An event's registration, not a lead form."""
        return self.page.kind == PageKind.REGISTRATION


def _page_or_404(slug: str) -> PublicPage:
    page = queries.public_page(slug)
    if page is None:
        raise Http404
    # The middleware does this for pages inside a workspace only, and puts it back after any page.
    timezone.activate(ZoneInfo(page.workspace.time_zone))
    return page


def _language() -> str:
    return (get_language() or "uk")[:2]


def _shown(page: PublicPage, now: datetime) -> VisitorPage:
    language, fallback = _language(), page.workspace.language
    taken = queries.seats_taken(page) if page.capacity is not None else 0
    left = None if page.capacity is None else page.capacity - taken
    starts = timezone.localtime(page.starts_at).date() if page.starts_at else None
    return VisitorPage(
        leaf_month=format_date(starts, "LLL", locale=language).rstrip(".") if starts else "",
        leaf_day=str(starts.day) if starts else "",
        page=page,
        title=pick(page.title, language, fallback),
        body=pick(page.body, language, fallback),
        place=pick(page.place, language, fallback),
        zone=zone_text(page, language=language),
        door=queries.door(page, now=now, taken=taken),
        left=left if left is not None and 0 < left <= _FEW else None,
        ics_url=reverse("public-event", args=[page.slug]),
    )


def _context(page: PublicPage, now: datetime, **more: Any) -> dict[str, Any]:
    return {"page": _shown(page, now), "brand": Brand(page.workspace.name), **more}


def _origin(request: HttpRequest, page: PublicPage) -> services.Origin:
    """Where the visitor came from, as the address (or, when posting, the form) says."""
    said = request.POST if request.method == "POST" else request.GET
    link = queries.link_of_code(said.get(LINK, ""))
    if link is not None and link.workspace_id != page.workspace_id:
        link = None
    return services.Origin(link, **{name: said.get(name, "").strip()[:200] for name in UTM})


def _asker(request: HttpRequest) -> services.Asker:
    head = request.headers
    return services.Asker(
        address=_address_of(request),
        browser=head.get("User-Agent", ""),
        do_not_count=head.get("DNT") == "1" or head.get("Sec-GPC") == "1",
        ahead="prefetch" in head.get("Sec-Purpose", head.get("Purpose", ""))
        or head.get("X-Moz") == "prefetch",
    )


def _address_of(request: HttpRequest) -> str:
    """The visitor's address. What a proxy forwards is believed only if the proxy is in our own network."""
    direct = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return forwarded if forwarded and not ipaddress.ip_address(direct).is_global else direct
    except ValueError:  # a socket without an address
        return forwarded or direct


def _kept(request: HttpRequest) -> dict[str, str]:
    """What the address said about where the visitor came from, to be kept from page to page."""
    said = request.POST if request.method == "POST" else request.GET
    return {name: said[name][:200] for name in (LINK, *UTM) if said.get(name)}


@csrf_exempt  # there is no login that a foreign page could misuse; the form's own signed key keeps programs out
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The public page: read it, and enter."""
    found, now = _page_or_404(slug), clock.now()
    origin = _origin(request, found)
    if request.method == "POST":
        return _enter(request, found, origin, now)
    if request.method == "GET":
        services.visit(
            workspace=found.workspace,
            asker=_asker(request),
            now=now,
            subject=found.slug,
            initiative_id=found.initiative_id,
            origin=origin,
        )
    return _form_page(request, found, EntryForm(kind=found.kind), now)


def _form_page(
    request: HttpRequest,
    found: PublicPage,
    form: EntryForm,
    now: datetime,
    *,
    key: str = "",
    status: int = 200,
) -> HttpResponse:
    kept = _kept(request)
    context = _context(
        found,
        now,
        form=form,
        key=key or gatekeeper.issue(found, now=now),
        kept=kept,
        keep=f"&{urlencode(kept)}" if kept else "",
    )
    response = render(request, "public/page.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"  # the form's key is this visitor's
    return response


def _enter(request: HttpRequest, found: PublicPage, origin: services.Origin, now: datetime) -> HttpResponse:
    form = EntryForm(request.POST, kind=found.kind)
    key = request.POST.get("key", "")
    if not form.is_valid():
        return _form_page(request, found, form, now, key=key, status=422)
    enter = services.register if found.kind == PageKind.REGISTRATION else services.leave_lead
    try:
        gatekeeper.check(found, key=key, bait=request.POST.get("website", ""), now=now)
        done = enter(page=found, now=now, language=_language(), origin=origin, **form.cleaned_data)
    except UserError as error:
        form.add_error(error.field if error.field in form.fields else None, text_of(error))
        stale = error.code == "form_stale"
        return _form_page(request, found, form, now, key="" if stale else key, status=422)
    ticket = signing.dumps(done.entry.pk.hex, salt=_THANKS)
    query = f"?lang={request.GET['lang']}" if request.GET.get("lang") else ""
    return redirect(reverse("public-thanks", args=[found.slug, ticket]) + query)


@require_safe
def thanks(request: HttpRequest, slug: str, ticket: str) -> HttpResponse:
    """After entering. The same page for everybody, so that nobody learns who was registered before."""
    found, now = _page_or_404(slug), clock.now()
    try:
        key = signing.loads(ticket, salt=_THANKS, max_age=_THANKS_SECONDS)
    except signing.BadSignature:
        return redirect("public-page", slug)
    entry = Entry.objects.filter(pk=key, page=found).first()
    if entry is None:
        return redirect("public-page", slug)
    return render(request, "public/thanks.html", _context(found, now, entry=entry))


@csrf_exempt  # whoever has the address may cancel, with or without a login
def cancel(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """Ask, then cancel: programs that follow every link in a mail only get as far as the question."""
    found, now = _page_or_404(slug), clock.now()
    entry = queries.entry_of(slug=slug, token=token)
    if entry is None or found.kind != PageKind.REGISTRATION:
        raise Http404
    if request.method == "POST":
        services.cancel_registration(entry=entry, now=now)
        entry = queries.entry_of(slug=slug, token=token)
    response = render(request, "public/cancel.html", _context(found, now, entry=entry))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
def event(request: HttpRequest, slug: str) -> HttpResponse:
    """The event as a calendar file."""
    found = _page_or_404(slug)
    if found.starts_at is None:
        raise Http404
    content = event_file(found, language=_language(), now=clock.now())
    headers = {"Content-Disposition": f'attachment; filename="{found.slug}.ics"'}
    return HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=headers)


@require_safe
def link(request: HttpRequest, code: str) -> HttpResponse:
    """Count and lead on. The target was stored when the link was made; nothing in the address changes it."""
    found = queries.link_of_code(code)
    if found is None:
        raise Http404
    if request.method == "GET":
        services.visit(
            workspace=found.workspace,
            asker=_asker(request),
            now=clock.now(),
            subject=_subject(found.target),
            initiative_id=found.initiative_id,
            origin=services.Origin(found),
        )
    response = HttpResponseRedirect(destination(found))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer-when-downgrade"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _subject(target: str) -> str:
    """A page of ours by its slug, everything else by its address."""
    return target.rstrip("/").rpartition("/")[2] if is_public_page(target) else target


urlpatterns: list[URLPattern] = [
    path("p/<slug:slug>/", page, name="public-page"),
    path("p/<slug:slug>/thanks/<str:ticket>/", thanks, name="public-thanks"),
    path("p/<slug:slug>/cancel/<str:token>/", cancel, name="public-cancel"),
    path("p/<slug:slug>/event.ics", event, name="public-event"),
    path("l/<str:code>", link, name="public-link"),
]
