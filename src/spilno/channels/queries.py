"""What pages show about channels and networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from spilno.channels import circuits, rates, scopes, tokens
from spilno.channels.models import Channel, Circuit, Health
from spilno.kernel.texts import pick
from spilno.team.models import Person, Workspace
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import (
    Connects,
    ConnectsByOAuth,
    Limit,
    Network,
    Once,
    Publishes,
    RatePolicy,
    ReadsConversations,
    ReadsInsights,
    can,
)


def channels(workspace: Workspace, *, ended: bool = False) -> QuerySet[Channel]:
    """The workspace's channels in use, by name; with ``ended`` those that were disconnected."""
    return (
        Channel.objects.filter(workspace=workspace, is_active=not ended)
        .select_related("owner", "community")
        .order_by("name")
    )


def channel_of(workspace: Workspace, key: str) -> Channel:
    """The channel of that key.

    :raises Channel.DoesNotExist: if the workspace has none.
    """
    return Channel.objects.select_related("workspace", "owner", "community").get(workspace=workspace, key=key)


@dataclass(frozen=True)
class NetworkCard:
    """A network as something to choose. ``by_hand``: it has no API, a person posts."""

    key: str
    label: str
    short: str
    color: str
    by_hand: bool
    oauth: bool
    practice: bool
    publishes: bool
    reads_insights: bool
    reads_conversations: bool
    placements: tuple[str, ...]


def card_of(net: Network, language: str) -> NetworkCard:
    """What people see of a network when they choose one, in their language."""
    return NetworkCard(
        key=net.key,
        label=pick(net.label, language),
        short=net.short,
        color=net.color,
        by_hand=net.by_hand,
        oauth=can(net, ConnectsByOAuth),
        practice=net.practice,
        publishes=can(net, Publishes),
        reads_insights=can(net, ReadsInsights),
        reads_conversations=can(net, ReadsConversations),
        placements=tuple(pick(one.label, language) for one in net.placements),
    )


def networks(language: str) -> list[NetworkCard]:
    """All networks: those that can be connected first, then those by hand; by label."""
    cards = [card_of(one, language) for one in registry.all_networks().values()]
    return sorted(cards, key=lambda one: (one.by_hand, one.label.lower()))


def connectable(net: Network) -> bool:
    """Can an account be connected, or only posted to by hand?"""
    return not net.by_hand and (can(net, Connects) or can(net, ConnectsByOAuth))


@dataclass(frozen=True)
class FormField:
    """One field of the connect form. ``value`` is never a secret."""

    key: str
    label: str
    help: str
    kind: str
    secret: bool
    required: bool
    value: str
    placeholder: str


def form_of(
    net: Network, language: str, values: Mapping[str, str] | None = None, *, app: bool = False
) -> list[FormField]:
    """The connect form, generated from the network's credential fields (``app``: the form of its registered app).
    Secrets are never put back into it."""
    known = values or {}
    return [
        FormField(
            key=one.key,
            label=pick(one.label, language),
            help=pick(one.help, language),
            kind=one.kind,
            secret=one.secret,
            required=one.required,
            value="" if one.secret else known.get(one.key, one.default),
            placeholder=one.placeholder,
        )
        for one in (net.app_fields if app else net.credential_fields)
    ]


@dataclass(frozen=True)
class Rule:
    """One limit in a page's words: ``key`` names it, ``value`` and ``unit`` say it."""

    key: str
    value: int | Decimal | str | None
    unit: str
    checked_on: date
    source: str

    @property
    def is_link(self) -> bool:
        return self.source.startswith("http")


@dataclass(frozen=True)
class PlacementRules:
    key: str
    label: str
    by_hand: bool
    link_by_hand: bool
    link_plain: bool
    media_required: bool
    media_allowed: tuple[str, ...]
    once: str
    rules: tuple[Rule, ...]


def requirements(net: Network, language: str) -> list[PlacementRules]:
    """What may be published on the network, placement by placement, with the date and source of every limit."""
    return [
        PlacementRules(
            key=one.key,
            label=pick(one.label, language),
            by_hand=one.once is Once.HAND,
            link_by_hand=one.link_by_hand,
            link_plain=one.link_plain,
            media_required=one.media_required,
            media_allowed=one.media_allowed,
            once=str(one.once),
            rules=tuple(_rule(limit) for limit in one.limits),
        )
        for one in net.placements
    ]


def _rule(limit: Limit) -> Rule:
    return Rule(limit.key, limit.value, limit.unit, limit.checked_on, limit.source)


def checked_on(net: Network) -> date | None:
    """When the network's limits were last compared with their sources; the oldest date counts."""
    dates = [limit.checked_on for place in net.placements for limit in place.limits]
    return min(dates) if dates else None


@dataclass(frozen=True)
class ChannelRow:
    """A channel in a list."""

    id: UUID
    key: str
    name: str
    network: NetworkCard | None
    url: str
    purpose: str
    owner: Person | None
    community: Mapping[str, str] | None
    by_hand: bool
    practice: bool
    is_active: bool
    health: str
    health_code: str
    health_params: Mapping[str, object]
    health_checked_at: datetime | None
    server: tuple[str, str]  # network and host whose outages it shares
    ends_at: datetime | None  # when it has to be connected again


def row_of(channel: Channel, language: str) -> ChannelRow:
    """A channel as lists show it; the network is ``None`` if this installation does not know it any more."""
    net = registry.all_networks().get(channel.network)
    return ChannelRow(
        id=channel.pk,
        key=channel.key,
        name=channel.name,
        network=card_of(net, language) if net else None,
        url=channel.url,
        purpose=channel.purpose,
        owner=channel.owner,
        community=channel.community.name if channel.community else None,
        by_hand=channel.by_hand,
        practice=channel.practice,
        is_active=channel.is_active,
        health=channel.health,
        health_code=channel.health_code,
        health_params=channel.health_params,
        health_checked_at=channel.health_checked_at,
        server=(channel.network, channel.server),
        ends_at=tokens.ends_at(channel),
    )


def rows(workspace: Workspace, language: str, *, ended: bool = False) -> list[ChannelRow]:
    """All channels as a page lists them: what needs a person first, then by name."""
    found = [row_of(one, language) for one in channels(workspace, ended=ended)]
    return sorted(found, key=lambda one: one.health not in (Health.RECONNECT, Health.TROUBLE))


@dataclass(frozen=True)
class Silence:
    """A server that does not answer."""

    network: str
    host: str  # "" if the network has only one
    since: datetime
    next_at: datetime
    channels: tuple[Channel, ...]  # of the workspace


def silences(workspace: Workspace, *, now: datetime) -> list[Silence]:
    """Servers of the workspace's channels that do not answer; one query while all do."""
    rows = circuits.silent()
    if not rows:
        return []
    by_server: dict[tuple[str, str], list[Channel]] = {}
    for one in channels(workspace).filter(by_hand=False):
        by_server.setdefault((one.network, one.server), []).append(one)
    return [
        Silence(
            row.network,
            row.server if row.server != scopes.NONE else "",
            row.since or now,
            _probe(row, now),
            tuple(there),
        )
        for row in rows
        if (there := by_server.get((row.network, row.server)))
    ]


def _probe(row: Circuit, now: datetime) -> datetime:
    """When the server is asked next: as soon as somebody has something to send, if the pause is over."""
    return max(row.probe_at or now, now)


@dataclass(frozen=True)
class RateLine:
    """How much of a declared limit on how often a channel has used. ``free_at``: when there is room again."""

    policy: RatePolicy
    used: int
    allowed: int
    free_at: datetime | None


def rate_lines(channel: Channel, *, now: datetime) -> list[RateLine]:
    """The limits on how often that concern a channel, with what is used now; one query."""
    net = registry.all_networks().get(channel.network)
    if net is None or not net.rates or channel.by_hand:
        return []
    scope = scopes.scopes_of([channel.pk], now=now)[channel.pk]
    wanted = rates.wanted_rows([scope])
    rows = {(one.network, one.scope, one.scope_id, one.key): one for one in rates.read(wanted, now=now)}
    found = []
    for key, policy in wanted.declared.items():
        row = rows.get(key)
        if row is None:
            found.append(RateLine(policy, 0, policy.allowed, None))
            continue
        free_at = row.room_at(now, wanted=1) if not row.room(now) else None
        found.append(RateLine(policy, row.taken(now), row.most, free_at))
    return found


def told_to_wait(channel: Channel, *, now: datetime) -> datetime | None:
    """Until when the network said to leave it alone."""
    scope = scopes.scopes_of([channel.pk], now=now)[channel.pk]
    wanted = rates.wanted_rows([scope])
    closed = [one.closed_until for one in rates.read(wanted, now=now) if one.closed_until]
    return max((one for one in closed if one > now), default=None)
