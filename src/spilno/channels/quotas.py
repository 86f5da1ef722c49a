"""Asking networks ahead of time what is left of their limits, where they have an endpoint for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from spilno.channels import access, circuits, hooks, tokens, traffic
from spilno.channels.models import Channel, Health
from spilno.kernel.errors import UserError
from spilno.kernel.http import listening
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import NetworkError, Quota, ReadsQuotas

AHEAD = timedelta(minutes=15)
"""So long before a post is due its channel's limits are asked for."""

KNOWN_FOR = timedelta(minutes=5)


def look_ahead(*, now: datetime) -> int:
    """Ask for every channel through which something leaves soon, unless it was asked a moment ago or its server does
    not answer. Returns how many answered. Not inside a transaction."""
    able = [key for key, net in registry.all_networks().items() if isinstance(net, ReadsQuotas)]
    if not able:
        return 0
    old = Q(quotas_read_at=None) | Q(quotas_read_at__lte=now - KNOWN_FOR)
    rows = Channel.objects.filter(
        old, pk__in=hooks.expected(start=now - AHEAD, end=now + AHEAD), network__in=able, is_active=True,
        by_hand=False,
    ).exclude(health=Health.RECONNECT)  # fmt: skip
    silent = {(one.network, one.server) for one in circuits.silent()}
    answered = 0
    for channel in rows:
        mine = Channel.objects.filter(old, pk=channel.pk).update(quotas_read_at=now)
        if mine and (channel.network, channel.server) not in silent:
            answered += ask(channel=channel, now=now)
    return answered


def ask(*, channel: Channel, now: datetime) -> bool:
    """Ask for one channel and note what is left. Not inside a transaction. Returns whether it answered."""
    net = access.network_of(channel)
    if not isinstance(net, ReadsQuotas):
        return False
    error: NetworkError | None = None
    found: tuple[Quota, ...] = ()
    with listening() as heard:
        try:
            credentials = tokens.fresh_credentials(channel=channel, now=now)
            with access.client() as client:
                found = net.live_quotas(client=client, credentials=credentials)
        except NetworkError as problem:
            error = problem
        except UserError:
            return False
    if error is not None:
        access.note_health(channel=channel, now=now, error=error)
    seen = traffic.Seen(
        channel.pk, channel.network, error is None, error, (*traffic.quotas_of(net, heard), *found),
        heard.requests, what=str(channel.pk),
    )  # fmt: skip
    traffic.note(seen=[seen], now=now)
    return error is None
