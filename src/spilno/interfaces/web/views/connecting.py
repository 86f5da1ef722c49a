"""Connecting an account: choose a network, fill in its form (or go to the network and back), connect again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as __
from django.views.decorators.http import require_GET

from spilno.channels import oauth, queries, registration, services
from spilno.channels.models import Channel, PendingConnection, Purpose
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.reading import uuid_of
from spilno.interfaces.web.safety import leads_to_networks
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.team.models import Community, Person, Workspace
from spilno.team.permissions import Permission
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Network

STATES = "connecting"  # session key: states of connections this person began
CHOOSING = "choosing_accounts"  # session key: the connection whose accounts are being chosen from
COMMON = ("name", "purpose", "owner", "community")


def network_or_404(key: str) -> Network:
    try:
        return registry.get(key)
    except KeyError:
        raise Http404 from None


def person_choices(workspace: Workspace) -> list[tuple[str, str]]:
    people = Person.objects.filter(workspace=workspace, is_active=True)
    return [("", "—"), *((str(one.pk), one.name) for one in people)]


def community_choices(workspace: Workspace) -> list[tuple[str, str]]:
    language = get_language() or "uk"
    rows = Community.objects.filter(workspace=workspace)
    return [("", "—"), *((str(one.pk), pick(one.name, language, workspace.language)) for one in rows)]


def person_of(workspace: Workspace, text: str) -> Person | None:
    """The person whose id a form said; ``None`` for nobody of this workspace."""
    return Person.objects.filter(workspace=workspace, pk=one).first() if (one := uuid_of(text)) else None


def community_of(workspace: Workspace, text: str) -> Community | None:
    """The community whose id a form said."""
    return Community.objects.filter(workspace=workspace, pk=one).first() if (one := uuid_of(text)) else None


# ------------------------------------------------------------------------------------------------ choose


@dataclass(frozen=True)
class ChoosePage:
    ours: list[queries.NetworkCard]  # can be connected
    by_hand: list[queries.NetworkCard]
    practising: bool


@needs(Permission.CHANNEL_MANAGE)
@require_GET
def choose(request: WorkspaceRequest) -> HttpResponse:
    """Which network?"""
    cards = queries.networks(get_language() or "uk")
    page = ChoosePage(
        ours=[one for one in cards if not one.by_hand],
        by_hand=[one for one in cards if one.by_hand],
        practising=_practising(),
    )
    return render(request, "channels/choose.html", {"page": page})


# ------------------------------------------------------------------------------------------------ the form


@dataclass(frozen=True)
class Field:
    """A field of the form with what is wrong in it."""

    field: queries.FormField
    error: str

    @property
    def optional(self) -> bool:
        return not self.field.required


@dataclass(frozen=True)
class ConnectPage:
    """The connect form: the network's own fields and what we decide about the channel."""

    card: queries.NetworkCard
    fields: list[Field]
    values: Mapping[str, str]
    errors: Mapping[str, str]
    problem: str
    purposes: list[tuple[str, str]]
    people: list[tuple[str, str]]
    communities: list[tuple[str, str]]
    by_hand: bool
    can_connect: bool  # else only by hand
    docs: str
    app_missing: bool = False  # the network wants an app, and nobody registered one
    practice_url: str = ""  # where its practice network can be looked at, while it runs
    channel: Channel | None = None  # set when connecting again


def _page(
    request: WorkspaceRequest,
    net: Network,
    *,
    by_hand: bool,
    error: UserError | None = None,
    channel: Channel | None = None,
) -> ConnectPage:
    language = get_language() or "uk"
    values: dict[str, str] = {"purpose": Purpose.BRAND, "owner": str(request.person.pk)}
    known = services.known_fields(channel) if channel else {}
    values |= {key: str(value) for key, value in request.POST.items()}
    fields = [] if by_hand else queries.form_of(net, language, {**known, **values})
    names = {one.key for one in fields} | {*COMMON, "url"}
    errors = {error.field: text_of(error)} if error and error.field in names else {}
    card = queries.card_of(net, language)
    return ConnectPage(
        card=card,
        fields=[Field(one, errors.get(one.key, "")) for one in fields],
        # A secret that was typed is typed again: it is not sent back into the page.
        values={key: value for key, value in values.items() if key in {*COMMON, "url"}},
        errors=errors,
        problem=text_of(error) if error and error.field not in names else "",
        purposes=[(str(key), str(label)) for key, label in Purpose.choices],
        people=person_choices(request.workspace),
        communities=community_choices(request.workspace),
        by_hand=by_hand,
        can_connect=queries.connectable(net),
        docs=net.docs,
        app_missing=bool(net.app_fields)
        and not by_hand
        and not registration.app_of(request.workspace, net).ready,
        practice_url=settings.SPILNO_PRACTICE_URL if card.practice and _practising() else "",
        channel=channel,
    )


def _practising() -> bool:
    """Do the practice networks run? They come with the demo."""
    return Workspace.objects.filter(is_demo=True).exists()


def _common(request: WorkspaceRequest) -> dict[str, Any]:
    """What the form says about the channel itself."""
    workspace, post = request.workspace, request.POST
    return {
        "name": post.get("name", ""),
        "purpose": post.get("purpose", Purpose.BRAND),
        "owner": person_of(workspace, post.get("owner", "")),
        "community": community_of(workspace, post.get("community", "")),
    }


@needs(Permission.CHANNEL_MANAGE)
@leads_to_networks
def connect(request: WorkspaceRequest, network: str) -> HttpResponse:
    """The generated form. Saving asks the network, which may take some seconds."""
    net = network_or_404(network)
    if not queries.connectable(net):
        return redirect("networks-by-hand", request.workspace.slug, network)
    error: UserError | None = None
    if request.method == "POST":
        try:
            if services.visits(net, request.POST.dict()):
                return _go_to_network(request, net, None)
            channel = services.connect(
                workspace=request.workspace, by=request.person, now=clock.now(), network=net.key,
                credentials=request.POST.dict(), **_common(request),
            )  # fmt: skip
            return _connected(request, channel)
        except UserError as problem:
            error = problem
    page = _page(request, net, by_hand=False, error=error)
    return render(request, "channels/connect.html", {"page": page}, status=422 if error else 200)


@needs(Permission.CHANNEL_MANAGE)
def by_hand(request: WorkspaceRequest, network: str) -> HttpResponse:
    """A reminder channel: a person posts, we remind."""
    net = network_or_404(network)
    error: UserError | None = None
    if request.method == "POST":
        try:
            channel = services.add_by_hand(
                workspace=request.workspace, by=request.person, now=clock.now(), network=net.key,
                url=request.POST.get("url", ""), **_common(request),
            )  # fmt: skip
            return _connected(request, channel)
        except UserError as problem:
            error = problem
    page = _page(request, net, by_hand=True, error=error)
    return render(request, "channels/connect.html", {"page": page}, status=422 if error else 200)


@needs(Permission.CHANNEL_MANAGE)
@leads_to_networks
def reconnect(request: WorkspaceRequest, key: str) -> HttpResponse:
    """New credentials for the same account."""
    try:
        channel = queries.channel_of(request.workspace, key)
    except Channel.DoesNotExist:
        raise Http404 from None
    net = network_or_404(channel.network)
    if channel.by_hand or not queries.connectable(net):
        raise Http404
    error: UserError | None = None
    if request.method == "POST":
        try:
            if services.visits(net, request.POST.dict()):
                return _go_to_network(request, net, channel)
            services.reconnect(
                channel=channel, by=request.person, now=clock.now(), credentials=request.POST.dict()
            )
            return _connected(request, channel)
        except UserError as problem:
            error = problem
    page = _page(request, net, by_hand=False, error=error, channel=channel)
    return render(request, "channels/connect.html", {"page": page}, status=422 if error else 200)


def _connected(request: HttpRequest, channel: Channel) -> HttpResponse:
    words = (
        __("“%(name)s” is there: we will remind in time.")
        if channel.by_hand
        else __("“%(name)s” is connected.")
    )
    messages.success(request, words % {"name": channel.name})
    return redirect("networks-channel", channel.workspace.slug, channel.key)


# ------------------------------------------------------------------------------------------------ OAuth


def _go_to_network(request: WorkspaceRequest, net: Network, channel: Channel | None) -> HttpResponse:
    common = _common(request)
    if channel is not None:
        common = {"name": channel.name, "purpose": channel.purpose, "owner": channel.owner,
                  "community": channel.community}  # fmt: skip
    url, state = oauth.begin_oauth(
        workspace=request.workspace,
        by=request.person,
        now=clock.now(),
        network=net.key,
        credentials=request.POST.dict(),
        redirect_uri=request.build_absolute_uri(reverse("oauth_callback")),
        channel=channel,
        **common,
    )
    request.session[STATES] = [*request.session.get(STATES, []), state][-5:]
    return redirect(url)


@require_GET
@login_required
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the network. Only the session in which it began can end it."""
    state, begun = request.GET.get("state", ""), list(request.session.get(STATES, []))
    user: Any = request.user
    if not state or state not in begun:
        return _failed(request, UserError("connection_expired"), None)
    begun.remove(state)
    request.session[STATES] = begun
    code = request.GET.get("code", "")
    if not code:
        return _failed(request, UserError("connection_refused"), oauth.give_up(state=state, user=user))
    workspace = oauth.workspace_of(state=state, user=user)
    try:
        found = oauth.finish_oauth(state=state, code=code, user=user, now=clock.now())
    except UserError as error:
        return _failed(request, error, workspace)
    if isinstance(found, PendingConnection):
        request.session[CHOOSING] = found.state
        return redirect("networks-accounts", found.workspace.slug)
    return _connected(request, found)


@dataclass(frozen=True)
class AccountLine:
    """An account to choose, with what the form said about it."""

    choice: oauth.Choice
    chosen: bool
    name: str
    purpose: str


@dataclass(frozen=True)
class AccountsPage:
    card: queries.NetworkCard
    accounts: list[AccountLine]
    purposes: list[tuple[str, str]]
    problem: str


@needs(Permission.CHANNEL_MANAGE)
def accounts(request: WorkspaceRequest) -> HttpResponse:
    """Back from a network with several accounts: which of them shall be channels?"""
    state = str(request.session.get(CHOOSING, ""))
    try:
        found = oauth.choices(state=state, user=request.user, now=clock.now())
    except UserError as error:
        return _failed(request, error, request.workspace)
    if found.pending.workspace_id != request.workspace.pk:
        raise Http404
    post = request.POST
    error_text = ""
    if request.method == "POST":
        chosen = [
            oauth.Chosen(
                one.number,
                post.get(f"name-{one.number}", "")[:120],
                post.get(f"purpose-{one.number}", Purpose.BRAND),
            )
            for one in found.accounts
            if str(one.number) in post.getlist("account")
        ]
        try:
            channels = oauth.choose(state=state, user=request.user, now=clock.now(), chosen=chosen)
        except UserError as error:
            error_text = text_of(error)
        else:
            request.session.pop(CHOOSING, None)
            if len(channels) == 1:
                return _connected(request, channels[0])
            names = ", ".join(f"“{one.name}”" for one in channels)
            messages.success(request, __("Connected: %(names)s.") % {"names": names})
            return redirect("networks", request.workspace.slug)
    usual = found.pending.values
    lines = [
        AccountLine(
            choice=one,
            chosen=str(one.number) in post.getlist("account"),
            name=post.get(f"name-{one.number}", one.channel.name if one.channel else one.name),
            purpose=post.get(
                f"purpose-{one.number}", one.channel.purpose if one.channel else str(usual["purpose"])
            ),
        )
        for one in found.accounts
    ]
    page = AccountsPage(
        card=queries.card_of(network_or_404(found.pending.network), get_language() or "uk"),
        accounts=lines,
        purposes=[(str(key), str(label)) for key, label in Purpose.choices],
        problem=error_text,
    )
    return render(request, "channels/accounts.html", {"page": page}, status=422 if error_text else 200)


def _failed(request: HttpRequest, error: UserError, workspace: Workspace | None) -> HttpResponse:
    messages.error(request, text_of(error))
    return redirect("networks-connect", workspace.slug) if workspace else redirect("home")


urlpatterns = [
    path("networks/connect/", choose, name="networks-connect"),
    path("networks/accounts/", accounts, name="networks-accounts"),
    path("networks/connect/<slug:network>/", connect, name="networks-connect-form"),
    path("networks/by-hand/<slug:network>/", by_hand, name="networks-by-hand"),
    path("networks/<slug:key>/reconnect/", reconnect, name="networks-reconnect"),
]
outer_urlpatterns = [path("networks/back/", callback, name="oauth_callback")]
