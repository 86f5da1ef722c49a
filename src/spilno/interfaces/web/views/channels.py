"""Networks: the channels with their health and owners, what each network allows, changing and ending a channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from spilno.channels import queries, registration, requirements, services, tokens
from spilno.channels.models import Channel, Health, Purpose
from spilno.interfaces.web import limit_words, network_words
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.views import connecting, network_apps, network_limits
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.publishing import queries as publishing
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, may
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Network


def language_of() -> str:
    """The reader's language."""
    return get_language() or "uk"


# ------------------------------------------------------------------------------------------------ the list


@dataclass(frozen=True)
class ChannelLine:
    """A channel in the list, in words."""

    row: queries.ChannelRow
    purpose: str
    look: str
    health: str
    problem: str
    ends_at: datetime | None  # it has to be connected again before, and that is soon


@dataclass(frozen=True)
class NetworkLine:
    card: queries.NetworkCard
    checked_on: date | None


@dataclass(frozen=True)
class NetworksPage:
    silences: list[limit_words.SilenceLine]
    troubled: list[ChannelLine]
    ending: list[ChannelLine]
    channels: list[ChannelLine]
    ended: list[ChannelLine]
    networks: list[NetworkLine]
    may_manage: bool


def line_of(row: queries.ChannelRow) -> ChannelLine:
    return ChannelLine(
        row=row,
        purpose=str(Purpose(row.purpose).label),
        look=row.health if row.is_active else "archived",
        health=str(Health(row.health).label) if row.is_active else __("Disconnected"),
        problem=network_words.health_text(row.health_code, row.health_params),
        ends_at=row.ends_at if _ends_soon(row) else None,
    )


def _ends_soon(row: queries.ChannelRow) -> bool:
    return (
        row.ends_at is not None
        and row.health != Health.RECONNECT
        and row.ends_at - clock.now() <= tokens.WARNED
    )


def page_of(workspace: Workspace, person: Person, language: str) -> NetworksPage:
    lines = [line_of(one) for one in queries.rows(workspace, language)]
    ill = (Health.RECONNECT, Health.TROUBLE)
    silences = limit_words.silence_lines(workspace, language, now=clock.now())
    told = {key for one in silences for key in one.keys}
    return NetworksPage(
        silences=silences,
        # What a whole server's silence explains is not said once more for each channel.
        troubled=[
            one
            for one in lines
            if one.row.health in ill and not (one.row.health == Health.TROUBLE and one.row.key in told)
        ],
        ending=[one for one in lines if one.ends_at is not None],
        channels=lines,
        ended=[line_of(one) for one in queries.rows(workspace, language, ended=True)],
        networks=[
            NetworkLine(card, queries.checked_on(registry.get(card.key)))
            for card in queries.networks(language)
        ],
        may_manage=may(person, Permission.CHANNEL_MANAGE),
    )


@needs(Permission.VIEW)
def channel_list(request: WorkspaceRequest) -> HttpResponse:
    """All channels; what needs somebody comes first."""
    page = page_of(request.workspace, request.person, language_of())
    return render(request, "channels/list.html", {"page": page})


# ------------------------------------------------------------------------------------------------ a network


@dataclass(frozen=True)
class RuleLine:
    """A declared limit. ``here``: the value that counts in this workspace, if somebody decided another one;
    ``live``: values that servers of the workspace's channels state, where they differ."""

    label: str
    value: str
    rule: queries.Rule
    here: str = ""
    live: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlacementCard:
    place: queries.PlacementRules
    once: str
    rules: list[RuleLine]


@dataclass(frozen=True)
class NetworkPage:
    card: queries.NetworkCard
    placements: list[PlacementCard]
    checked_on: date | None
    docs: str
    channels: list[ChannelLine]
    rates: list[limit_words.RateWords]
    wants_app: bool
    app_ready: bool
    may_manage: bool


Changed = dict[tuple[str, str], Any]


def placements_of(
    net: Network, language: str, here: Changed | None = None, live: Changed | None = None
) -> list[PlacementCard]:
    """What the network allows, placement by placement, in words.

    :param here: values that were decided in the workspace, by placement and limit; ``live``: those that servers state.
    """
    return [
        PlacementCard(
            place=place,
            once=str(network_words.ONCE[place.once]),
            rules=[
                RuleLine(
                    network_words.rule_label(one),
                    network_words.rule_value(one, language),
                    one,
                    (here or {}).get((place.key, one.key), ""),
                    (live or {}).get((place.key, one.key), ()),
                )
                for one in place.rules
            ],
        )
        for place in queries.requirements(net, language)
    ]


def _changed_here(workspace: Workspace, net: Network, language: str) -> Changed:
    found: Changed = {}
    for (placement, key), row in requirements.overrides(workspace, net).items():
        try:
            limit = requirements.declared(net, placement, key).limit
        except UserError:  # the network does not have it any more
            continue
        found[placement, key] = network_limits.decided(limit, row, language).value
    return found


def _stated(workspace: Workspace, net: Network, language: str) -> Changed:
    """What servers state that is not what we declare, each value once."""
    found: Changed = {}
    for channel in queries.channels(workspace).filter(network=net.key, by_hand=False):
        for place in net.placements:
            for one in requirements.live_limits(channel, place.key):
                if one.value != place.limit(one.key):
                    values = found.setdefault((place.key, one.key), ())
                    text = network_limits.shown(one, language)
                    found[place.key, one.key] = values if text in values else (*values, text)
    return found


@needs(Permission.VIEW)
def network_page(request: WorkspaceRequest, network: str) -> HttpResponse:
    """What the network allows: limits with the day they were checked and where they are written down."""
    net = connecting.network_or_404(network)
    language = language_of()
    workspace = request.workspace
    page = NetworkPage(
        card=queries.card_of(net, language),
        placements=placements_of(
            net, language, _changed_here(workspace, net, language), _stated(workspace, net, language)
        ),
        checked_on=queries.checked_on(net),
        docs=net.docs,
        channels=[
            line_of(one)
            for one in queries.rows(request.workspace, language)
            if one.network and one.network.key == net.key
        ],
        rates=[
            limit_words.rate_words(net, queries.RateLine(one, 0, one.allowed, None), language)
            for one in net.rates
        ],
        wants_app=bool(net.app_fields),
        app_ready=bool(net.app_fields) and registration.app_of(workspace, net).ready,
        may_manage=may(request.person, Permission.CHANNEL_MANAGE),
    )
    return render(request, "channels/network.html", {"page": page})


# ------------------------------------------------------------------------------------------------ a channel


class ChannelForm(forms.Form):
    """What people decide about a channel."""

    name = forms.CharField(label=_("Name of the channel"), max_length=120)
    url = forms.CharField(label=_("Address"), max_length=500, required=False)
    purpose = forms.ChoiceField(
        label=_("Whose voice is it?"), choices=Purpose.choices, widget=forms.RadioSelect
    )
    owner = forms.ChoiceField(label=_("Who answers for it"), required=False)
    community = forms.ChoiceField(label=_("Community"), required=False)
    late_tolerance = forms.IntegerField(
        label=_("How late may a post be, in minutes"),
        min_value=0,
        max_value=services.LONGEST_TOLERANCE,
        help_text=_("Later than that it is not sent any more: you are asked instead."),
    )

    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].choices = connecting.person_choices(channel.workspace)  # type: ignore[attr-defined]
        self.fields["community"].choices = connecting.community_choices(channel.workspace)  # type: ignore[attr-defined]
        if not channel.by_hand:
            del self.fields["url"]


def _form(channel: Channel, data: Any = None) -> ChannelForm:
    return ChannelForm(
        data,
        channel=channel,
        initial={
            "name": channel.name,
            "url": channel.url,
            "purpose": channel.purpose,
            "owner": str(channel.owner_id or ""),
            "community": str(channel.community_id or ""),
            "late_tolerance": channel.late_tolerance,
        },
    )


@dataclass(frozen=True)
class ChannelPage:
    line: ChannelLine
    channel: Channel
    network: queries.NetworkCard | None
    can_reconnect: bool
    account: list[tuple[str, str]]  # label and value of what was typed, no secrets
    upcoming: int
    silence: str  # its server does not answer
    rates: list[limit_words.RateWords]
    closed_until: datetime | None  # the network said to leave it alone so long
    access_until: datetime | None  # the token is renewed by itself before
    may_manage: bool


def _channel_page(request: WorkspaceRequest, channel: Channel) -> ChannelPage:
    language = language_of()
    row = queries.row_of(channel, language)
    manages = may(request.person, Permission.CHANNEL_MANAGE)
    net = registry.all_networks().get(channel.network)
    account: list[tuple[str, str]] = []
    if net is not None and manages and not channel.by_hand:
        known = services.known_fields(channel)
        account = [
            (pick(one.label, language), known[one.key])
            for one in net.credential_fields
            if one.key in known and one.kind != "lines"  # hundreds of people's addresses are no headline
        ]
    now = clock.now()
    speaks = net is not None and not channel.by_hand and channel.is_active
    silences = limit_words.silence_lines(request.workspace, language, now=now) if speaks else []
    rates = queries.rate_lines(channel, now=now) if speaks else []
    return ChannelPage(
        line=line_of(row),
        channel=channel,
        network=row.network,
        can_reconnect=net is not None and not channel.by_hand and queries.connectable(net),
        account=account,
        upcoming=publishing.ahead(channel).count(),
        silence=next((one.text for one in silences if channel.key in one.keys), ""),
        rates=[limit_words.rate_words(net, one, language) for one in rates] if net else [],
        closed_until=queries.told_to_wait(channel, now=now) if speaks else None,
        access_until=channel.access_until if tokens.refreshable(channel) else None,
        may_manage=manages,
    )


def channel_or_404(request: WorkspaceRequest, key: str) -> Channel:
    try:
        return queries.channel_of(request.workspace, key)
    except Channel.DoesNotExist:
        raise Http404 from None


def _shown(request: WorkspaceRequest, channel: Channel, form: ChannelForm, status: int = 200) -> HttpResponse:
    context = {"page": _channel_page(request, channel), "form": form}
    return render(request, "channels/channel.html", context, status=status)


@needs(Permission.VIEW, post=Permission.CHANNEL_MANAGE)
def channel_page(request: WorkspaceRequest, key: str) -> HttpResponse:
    """A channel: how it is, who answers for it, and changing that."""
    channel = channel_or_404(request, key)
    if request.method != "POST":
        return _shown(request, channel, _form(channel))
    form = _form(channel, request.POST)
    if not form.is_valid():
        return _shown(request, channel, form, 422)
    values = form.cleaned_data
    try:
        services.update(
            channel=channel,
            by=request.person,
            now=clock.now(),
            name=values["name"],
            purpose=values["purpose"],
            owner=connecting.person_of(request.workspace, values["owner"]),
            community=connecting.community_of(request.workspace, values["community"]),
            url=values.get("url"),
            late_tolerance=values["late_tolerance"],
        )
    except UserError as error:
        form.add_error(error.field if error.field in form.fields else None, text_of(error))
        channel.refresh_from_db()
        return _shown(request, channel, form, 422)
    messages.success(request, __("Saved."))
    return redirect("networks-channel", request.workspace.slug, channel.key)


@needs(Permission.CHANNEL_MANAGE)
@require_POST
def check(request: WorkspaceRequest, key: str) -> HttpResponse:
    """Ask the network now whether the channel is still open to us."""
    channel = channel_or_404(request, key)
    services.check_health(channel=channel, now=clock.now())
    if channel.health == Health.OK:
        messages.success(request, __("The network answers: all is well."))
    else:
        messages.error(request, network_words.health_text(channel.health_code, channel.health_params))
    return redirect("networks-channel", request.workspace.slug, channel.key)


@needs(Permission.CHANNEL_MANAGE)
@require_POST
def disconnect(request: WorkspaceRequest, key: str) -> HttpResponse:
    """End a channel; its history stays."""
    channel = channel_or_404(request, key)
    services.disconnect(channel=channel, by=request.person, now=clock.now())
    messages.success(request, __("Disconnected. What was published and counted stays."))
    return redirect("networks", request.workspace.slug)


@needs(Permission.CHANNEL_MANAGE)
@require_POST
def reopen(request: WorkspaceRequest, key: str) -> HttpResponse:
    """Use a reminder channel again."""
    channel = channel_or_404(request, key)
    try:
        services.reopen_by_hand(channel=channel, by=request.person, now=clock.now())
    except UserError as error:
        messages.error(request, text_of(error))
    return redirect("networks-channel", request.workspace.slug, channel.key)


urlpatterns = [
    path("networks/", channel_list, name="networks"),
    *connecting.urlpatterns,
    *network_limits.urlpatterns,
    *network_apps.urlpatterns,
    path("networks/about/<slug:network>/", network_page, name="networks-network"),
    path("networks/<slug:key>/", channel_page, name="networks-channel"),
    path("networks/<slug:key>/check/", check, name="networks-check"),
    path("networks/<slug:key>/disconnect/", disconnect, name="networks-disconnect"),
    path("networks/<slug:key>/reopen/", reopen, name="networks-reopen"),
]
