"""Settings → Networks: registering Spilno's app where a network wants that, once for all channels there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from spilno.channels import queries, registration
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.views.connecting import Field, network_or_404
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.team.permissions import Permission
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Network


@dataclass(frozen=True)
class AppLine:
    """A network that wants its apps registered."""

    card: queries.NetworkCard
    ready: bool
    begun: bool


@needs(Permission.CHANNEL_MANAGE)
@require_GET
def app_list(request: WorkspaceRequest) -> HttpResponse:
    """Which networks want an app, and which have one."""
    language = get_language() or "uk"
    networks = registry.all_networks()
    lines = [
        AppLine(queries.card_of(networks[key], language), one.ready, bool(one.kept) or one.unreadable)
        for key, one in registration.apps_of(request.workspace).items()
    ]
    lines.sort(key=lambda one: one.card.label.lower())
    return render(request, "channels/apps.html", {"lines": lines})


@dataclass(frozen=True)
class AppPage:
    """Everything the page of an app shows; never a secret."""

    card: queries.NetworkCard
    steps: list[str]
    docs: str
    redirect: str
    scopes: tuple[str, ...]
    fields: list[Field]
    kept: frozenset[str]
    ready: bool
    begun: bool
    unreadable: bool
    changed_by: str
    changed_at: datetime | None
    connect_next: bool


def redirect_address(request: WorkspaceRequest) -> str:
    """Where networks send people back to."""
    return request.build_absolute_uri(reverse("oauth_callback"))


def _network(key: str) -> Network:
    net = network_or_404(key)
    if not net.app_fields:
        raise Http404
    return net


@needs(Permission.CHANNEL_MANAGE)
def app_page(request: WorkspaceRequest, network: str) -> HttpResponse:
    """How to register the app, and what came of it."""
    net = _network(network)
    error: UserError | None = None
    if request.method == "POST":
        try:
            registration.keep_app(
                workspace=request.workspace, by=request.person, now=clock.now(), network=net,
                values=request.POST.dict(),
            )  # fmt: skip
        except UserError as problem:
            error = problem
        else:
            messages.success(request, _("Saved. Now accounts can be connected."))
            return redirect("settings-network", request.workspace.slug, net.key)
    language = get_language() or "uk"
    app = registration.app_of(request.workspace, net)
    typed = {key: str(value) for key, value in request.POST.items()}
    fields = queries.form_of(net, language, {**app.shown, **typed}, app=True)
    page = AppPage(
        card=queries.card_of(net, language),
        steps=[pick(one, language) for one in net.app_steps],
        docs=net.app_docs,
        redirect=redirect_address(request),
        scopes=net.app_scopes,
        fields=[Field(one, text_of(error) if error and error.field == one.key else "") for one in fields],
        kept=app.kept,
        ready=app.ready,
        begun=bool(app.kept) or app.unreadable,
        unreadable=app.unreadable,
        changed_by=app.changed_by.name if app.changed_by else "",
        changed_at=app.changed_at,
        connect_next=app.ready and queries.connectable(net),
    )
    return render(request, "channels/app.html", {"page": page}, status=422 if error else 200)


@needs(Permission.CHANNEL_MANAGE)
@require_POST
def app_forget(request: WorkspaceRequest, network: str) -> HttpResponse:
    """Destroy id and secret."""
    net = _network(network)
    registration.forget_app(workspace=request.workspace, by=request.person, now=clock.now(), network=net)
    messages.success(request, _("Forgotten. Nothing of it is kept."))
    return redirect("settings-network", request.workspace.slug, net.key)


urlpatterns = [
    path("settings/networks/", app_list, name="settings-networks"),
    path("settings/networks/<slug:network>/", app_page, name="settings-network"),
    path("settings/networks/<slug:network>/forget/", app_forget, name="settings-network-forget"),
]
