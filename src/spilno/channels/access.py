"""The door to the networks: everything above asks here for a channel's network, credentials and HTTP client."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from django.conf import settings

from spilno.channels import registration
from spilno.channels.models import Channel, Health
from spilno.kernel.errors import UserError
from spilno.kernel.http import outgoing_client
from spilno.kernel.secrets import seal, unseal
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Credentials, Kind, Network, NetworkError, Refreshes

HEALTH_KNOWN_FOR = timedelta(seconds=30)
"""That a channel answers well is written down so often, not after every request."""


def network(key: str) -> Network:
    """The network of that key.

    :raises UserError: ``unknown_network``.
    """
    try:
        return registry.get(key)
    except KeyError:
        raise UserError("unknown_network", field="network", network=key) from None


def network_of(channel: Channel) -> Network:
    """The network a channel lives on.

    :raises UserError: ``unknown_network`` if its file is gone from this installation.
    """
    return network(channel.network)


def credentials_of(channel: Channel) -> dict[str, str]:
    """The channel's credentials in the clear: for a network's methods only, never for a page, log or message.

    What the workspace's registered app says lies under the channel's own.

    :raises UserError: ``secret_key_changed``.
    """
    own = unsealed(channel.secret)
    return {**registration.values_of(channel.workspace_id, channel.network), **own}


def credentials_of_many(channels: Iterable[Channel]) -> dict[UUID, dict[str, str]]:
    """:func:`credentials_of` by channel id, for at most one query. Channels whose credentials cannot be read any
    more are missing."""
    rows = list(channels)
    apps = registration.values_of_many((one.workspace_id, one.network) for one in rows)
    found = {}
    for one in rows:
        try:
            found[one.pk] = {**apps.get((one.workspace_id, one.network), {}), **unsealed(one.secret)}
        except UserError:
            continue
    return found


def unsealed(secret: bytes | memoryview | None) -> dict[str, str]:
    """What :func:`sealed` made, in the clear.

    :raises UserError: ``secret_key_changed``.
    """
    return unseal(None if secret is None else bytes(secret), keys=settings.SPILNO_CREDENTIAL_KEYS)


def sealed(credentials: Credentials) -> bytes:
    """Credentials as they are kept."""
    return seal(credentials, keys=settings.SPILNO_CREDENTIAL_KEYS)


def client(*, kept: bool = False) -> httpx.Client:
    """An HTTP client that does not reach into private networks. To be used as a context manager.

    :param kept: share connections (nothing else) with the others of this process.
    """
    return outgoing_client(allowed_private=settings.SPILNO_ALLOWED_PRIVATE_HOSTS, kept=kept)


def is_practice(net: Network, credentials: Credentials) -> bool:
    """Do these credentials point at the practice networks? Then the channel says so wherever it is shown."""
    practice = urlsplit(settings.SPILNO_PRACTICE_URL).netloc
    addresses = (credentials.get(one.key, "") for one in net.credential_fields if one.kind == "url")
    return any(urlsplit(one).netloc == practice for one in addresses if one)


def user_error(error: NetworkError, *, field: str = "") -> UserError:
    """A network's error as one that a person can act on: code ``network_<code>``."""
    return UserError(f"network_{error.code}", field=field, **error.params)


def note_health(
    *,
    channel: Channel,
    now: datetime,
    error: NetworkError | UserError | None = None,
    refreshing: bool = False,
) -> None:
    """Remember how the channel answered just now: well (no ``error``), not at all, or only after reconnecting.

    Called by whoever spoke to the network. A limit that the network set, or a refusal of one post, says nothing
    about the channel and changes nothing. A token that has ended and can be made anew is no reason to ask a person:
    then it is made anew first, and only if that is refused (``refreshing``) somebody has to connect again.
    """
    if error is None:
        note_well(channels=[channel], now=now)
        return
    if isinstance(error, UserError):
        health, code, params = Health.RECONNECT, error.code, error.params
    elif error.kind is Kind.RECONNECT:
        health, code, params = Health.RECONNECT, f"network_{error.code}", error.params
        if not refreshing and _may_be_made_anew(channel, now):
            health, code, params = Health.TROUBLE, "network_token_ended", {}
            Channel.objects.filter(pk=channel.pk).update(refresh_next_at=None)
    elif error.kind is Kind.UNREACHABLE or (error.kind is Kind.UNCERTAIN and error.status is None):
        health, code, params = Health.TROUBLE, f"network_{error.code}", error.params
    else:
        return
    Channel.objects.filter(pk=channel.pk, is_active=True, by_hand=False).update(
        health=health, health_code=code, health_params=params, health_checked_at=now
    )
    channel.health, channel.health_code, channel.health_params = health, code, params
    channel.health_checked_at = now


def note_well(*, channels: Iterable[Channel], now: datetime) -> None:
    """:func:`note_health` of many that answered well: at most one statement."""
    news = {one.pk: one for one in channels if not _known_to_be_well(one, now)}
    if not news:
        return
    well = {"health": Health.OK, "health_code": "", "health_params": {}, "health_checked_at": now}
    Channel.objects.filter(pk__in=news, is_active=True, by_hand=False).update(**well)
    for one in news.values():
        for name, value in well.items():
            setattr(one, name, value)


def _known_to_be_well(channel: Channel, now: datetime) -> bool:
    checked = channel.health_checked_at
    return bool(channel.health == Health.OK and checked and timedelta(0) <= now - checked < HEALTH_KNOWN_FOR)


def _may_be_made_anew(channel: Channel, now: datetime) -> bool:
    """Did the token end by itself, and can a new one be had without a person?"""
    can_refresh = isinstance(registry.all_networks().get(channel.network), Refreshes)
    still = channel.refresh_until is None or channel.refresh_until > now
    return can_refresh and still and channel.access_until is not None and channel.access_until <= now
