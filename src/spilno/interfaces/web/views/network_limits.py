"""A single limit of a network: what is declared, what servers state, and what somebody here decided instead."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from spilno.channels import queries, requirements
from spilno.channels.models import LimitOverride
from spilno.interfaces.web import network_words
from spilno.interfaces.web.access import WorkspaceRequest, needs
from spilno.interfaces.web.messages import text_of
from spilno.interfaces.web.views.connecting import network_or_404
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.kernel.texts import pick
from spilno.team.permissions import Permission, may
from spilno.toolkit.networks.base import Limit, Network


@dataclass(frozen=True)
class Decided:
    """What somebody here decided about a limit."""

    value: str
    typed: str
    row: LimitOverride


def shown(limit: Limit, language: str) -> str:
    """The limit's value as a person reads it."""
    rule = queries.Rule(limit.key, limit.value, limit.unit, limit.checked_on, limit.source)
    return network_words.rule_value(rule, language)


def decided(limit: Limit, row: LimitOverride, language: str) -> Decided:
    value = requirements.value_of(row)
    changed = Limit(limit.key, value, limit.unit, row.at.date(), "")
    return Decided(shown(changed, language), str(value), row)


@dataclass(frozen=True)
class Live:
    """What a channel's server states."""

    channel: str
    value: str
    limit: Limit


@dataclass(frozen=True)
class LimitPage:
    card: queries.NetworkCard
    placement: str
    placement_key: str
    key: str
    label: str
    declared: Limit
    declared_value: str
    is_link: bool
    live: list[Live]
    decided: Decided | None
    typed: dict[str, str]
    errors: dict[str, str]
    may_manage: bool


def _live(request: WorkspaceRequest, net: Network, placement: str, key: str, language: str) -> list[Live]:
    found = []
    for channel in queries.channels(request.workspace).filter(network=net.key, by_hand=False):
        for one in requirements.live_limits(channel, placement):
            if one.key == key:
                found.append(Live(channel.name, shown(one, language), one))
    return found


@needs(Permission.VIEW, post=Permission.CHANNEL_MANAGE)
def limit_page(request: WorkspaceRequest, network: str) -> HttpResponse:
    """Look at a limit (``?placement=…&limit=…``), let another value count, or take that back."""
    net = network_or_404(network)
    said = request.POST if request.method == "POST" else request.GET
    placement, key = said.get("placement", ""), said.get("limit", "")
    try:
        place = requirements.declared(net, placement, key)
    except UserError:
        raise Http404 from None
    error: UserError | None = None
    if request.method == "POST":
        try:
            if "back" in request.POST:
                requirements.take_back(
                    workspace=request.workspace, by=request.person, now=clock.now(), network=net,
                    placement=placement, key=key,
                )  # fmt: skip
                messages.success(request, _("Taken back: the network's own limit counts again."))
            else:
                requirements.override(
                    workspace=request.workspace, by=request.person, now=clock.now(), network=net,
                    placement=placement, key=key, value=request.POST.get("value", ""),
                    reason=request.POST.get("reason", ""),
                )  # fmt: skip
                messages.success(request, _("Saved. From now on this limit counts here."))
            return redirect("networks-network", request.workspace.slug, net.key)
        except UserError as problem:
            error = problem
    language = get_language() or "uk"
    row = requirements.overrides(request.workspace, net).get((placement, key))
    limit = place.limit
    rule = queries.Rule(limit.key, limit.value, limit.unit, limit.checked_on, limit.source)
    page = LimitPage(
        card=queries.card_of(net, language),
        placement=pick(place.placement.label, language),
        placement_key=placement,
        key=key,
        label=network_words.rule_label(rule),
        declared=limit,
        declared_value=shown(limit, language),
        is_link=rule.is_link,
        live=_live(request, net, placement, key, language),
        decided=decided(limit, row, language) if row else None,
        typed={one: request.POST.get(one, "") for one in ("value", "reason")},
        errors={error.field: text_of(error)} if error else {},
        may_manage=may(request.person, Permission.CHANNEL_MANAGE),
    )
    return render(request, "channels/limit.html", {"page": page}, status=422 if error else 200)


urlpatterns = [path("networks/about/<slug:network>/limit/", limit_page, name="networks-limit")]
