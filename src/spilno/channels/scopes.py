"""Whose limits and outages a channel shares: its own, those of its app, and those of its server."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from spilno.channels import access
from spilno.channels.models import Channel
from spilno.kernel.errors import UserError
from spilno.toolkit.networks.base import Credentials, Network, Per

KNOWN_FOR = timedelta(minutes=1)
"""So long a process remembers where a channel belongs."""

MOST_KNOWN = 20_000
NONE = "-"


@dataclass(frozen=True)
class Scope:
    """Where a channel belongs."""

    channel_id: UUID
    workspace_id: UUID
    network: str
    server: str
    app: str

    def id_of(self, per: Per) -> str:
        """The id of the channel, of its app, or of its server."""
        if per is Per.CHANNEL:
            return str(self.channel_id)
        # An app is registered at a server: the same id at the practice networks is another app.
        return f"{self.app}@{self.server}" if per is Per.APP else self.server


_known: dict[UUID, tuple[Scope, datetime]] = {}


def scopes_of(channel_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Scope]:
    """Where the channels belong; at most one query, none if they were asked for a moment ago."""
    found = {}
    for one in channel_ids:
        kept = _known.get(one)
        if kept is not None and timedelta(0) <= now - kept[1] < KNOWN_FOR:
            found[one] = kept[0]
    missing = [one for one in channel_ids if one not in found]
    if not missing:
        return found
    if len(_known) > MOST_KNOWN:
        _known.clear()
    rows = Channel.objects.filter(pk__in=missing).only("workspace_id", "network", "server", "app", "secret")
    for channel in rows:
        if not channel.server or not channel.app:
            place(channel)
        scope = Scope(channel.pk, channel.workspace_id, channel.network, channel.server, channel.app)
        found[channel.pk] = scope
        _known[channel.pk] = (scope, now)
    return found


def forget(channel_ids: Collection[UUID]) -> None:
    """They belong elsewhere now (connected again, another app)."""
    for one in channel_ids:
        _known.pop(one, None)


def named(network: Network, credentials: Credentials) -> dict[str, str]:
    """Server and app of these credentials, as a channel keeps them."""
    app = network.app_of(credentials)
    digest = hashlib.sha256(app.encode()).hexdigest()[:16] if app else NONE
    return {"server": network.server_of(credentials)[:255] or NONE, "app": digest}


def place(channel: Channel) -> None:
    """Write down where a channel belongs that was connected before this was kept."""
    try:
        values = named(access.network_of(channel), access.credentials_of(channel))
    except UserError:
        values = {"server": NONE, "app": NONE}
    Channel.objects.filter(pk=channel.pk).update(**values)
    channel.server, channel.app = values["server"], values["app"]
