"""The first visit, new workspaces, and where somebody lands who asks for ``/``."""

from __future__ import annotations

from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from spilno.exchange import demo
from spilno.interfaces.web.access import may_add_workspace
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.views.account import BACKEND, PasswordForm
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.team import services
from spilno.team.models import Language, Market, Person, User, Workspace

_LOCK = 0x5B11_0002  # two first visits at once: one makes the owner
_COMMON_CURRENCIES = ("UAH", "EUR", "USD", "PLN", "GBP", "CZK", "RON", "MDL", "KZT", "GEL")


def _zones() -> list[tuple[str, str]]:
    aliases = set(get_global("zone_aliases"))
    names = (
        one for one in available_timezones() if "/" in one and not one.startswith(("Etc/", "posix", "right"))
    )
    return [("UTC", "UTC"), *((one, one.replace("_", " ")) for one in sorted(names) if one not in aliases)]


def _currencies() -> list[tuple[str, str]]:
    locale = Locale.parse(get_language() or "uk")
    return [(code, f"{code} · {locale.currencies.get(code, code)}") for code in _COMMON_CURRENCIES]


class WorkspaceForm(forms.Form):
    workspace = forms.CharField(label=_("Company or brand"), max_length=120)
    market = forms.ChoiceField(
        label=_("Customers"), choices=Market.choices, initial=Market.B2B, widget=forms.RadioSelect
    )
    language = forms.ChoiceField(label=_("Language of the workspace"), choices=Language.choices)
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=_zones, initial="Europe/Kyiv")
    currency = forms.ChoiceField(label=_("Currency"), choices=_currencies, initial="UAH")


class OwnerForm(PasswordForm, WorkspaceForm):
    """The first visit's form: who, and for whom."""


def _is_empty() -> bool:
    """Has nobody made this installation theirs? The demo's colleagues do not count: nobody owns them."""
    return not User.objects.filter(is_demo=False).exists()


def home(request: HttpRequest) -> HttpResponse:
    """Set-up on an empty installation, sign-in for strangers, else Today of the workspace used last."""
    if not request.user.is_authenticated:
        return redirect("account_login" if User.objects.exists() else "setup")
    people = Person.objects.select_related("workspace").filter(user=request.user, is_active=True)
    last = request.session.get("workspace")
    person = people.filter(workspace__slug=last).first() or people.order_by("workspace__created_at").first()
    return redirect("today", person.workspace.slug) if person else redirect("workspace-new")


def setup(request: HttpRequest) -> HttpResponse:
    """The first visit: an owner and a first workspace, or the demo."""
    if not _is_empty():
        return redirect("home")
    form = OwnerForm(request.POST or None, initial={"language": get_language() or "uk"})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                if not _is_empty():
                    return redirect("home")
                user = User.objects.create_user(
                    values["email"],
                    values["password"],
                    name=values["name"],
                    language=values["language"],
                    is_staff=True,  # of the installation: sees /design
                )
                workspace = _make_workspace(values, user)
        except UserError as error:
            form.add_error(error.field if error.field in form.fields else None, text_of(error))
        else:
            login(request, user, backend=BACKEND)
            return redirect("today", workspace.slug)
    return render(request, "setup/setup.html", {"form": form})


def _make_workspace(values: dict[str, str], owner: User) -> Workspace:
    return services.create_workspace(
        name=values["workspace"],
        owner=owner,
        market=values["market"],
        language=values["language"],
        time_zone=values["time_zone"],
        currency=values["currency"],
        now=clock.now(),
    )


@login_required
def workspace_new(request: HttpRequest) -> HttpResponseBase:
    """One more workspace for somebody who has a login."""
    assert isinstance(request.user, User)
    if not may_add_workspace(request.user):
        return render(request, "setup/no_workspace.html", status=200)
    form = WorkspaceForm(request.POST or None, initial={"language": get_language() or "uk"})
    if request.method == "POST" and form.is_valid():
        workspace = _make_workspace(form.cleaned_data, request.user)
        return redirect("today", workspace.slug)
    return render(request, "setup/workspace_new.html", {"form": form})


@require_POST
def demo_load(request: HttpRequest) -> HttpResponse:
    """Load the demo from the set-up page; on an installation in use only staff may."""
    if not _is_empty() and not (request.user.is_authenticated and getattr(request.user, "is_staff", False)):
        return redirect("home")
    try:
        demo.load(now=clock.now())
    except UserError as error:
        messages.error(request, text_of(error))
        return redirect("home")
    return redirect("account_login")


@require_POST
def demo_enter(request: HttpRequest, role: str) -> HttpResponse:
    """Sign in to the demo as one of its two colleagues, with one click."""
    person = (
        Person.objects.select_related("user", "workspace")
        .filter(workspace__is_demo=True, user__is_demo=True, roles__contains=[role], is_active=True)
        .order_by("workspace__created_at")
        .first()
    )
    if person is None or person.user is None:
        return redirect("home")
    login(request, person.user, backend=BACKEND)
    return redirect("today", person.workspace.slug)


urlpatterns = [
    path("", home, name="home"),
    path("setup/", setup, name="setup"),
    path("setup/demo/", demo_load, name="setup-demo"),
    path("demo/<slug:role>/", demo_enter, name="demo-enter"),
    path("workspaces/new/", workspace_new, name="workspace-new"),
]
