"""Connecting accounts, adding reminder channels, changing and ending them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from spilno.channels import access, hooks, registration, requirements, scopes, tokens, traffic
from spilno.channels.models import Channel, Health, Purpose
from spilno.kernel.addresses import web_address
from spilno.kernel.errors import UserError
from spilno.kernel.http import listening
from spilno.team import audit
from spilno.team.models import Community, Person, Workspace
from spilno.team.permissions import Permission, require
from spilno.team.services import slug_for
from spilno.toolkit.networks.base import (
    Account,
    Connects,
    ConnectsByOAuth,
    Network,
    NetworkError,
    ReadsInsights,
    can,
)

RESERVED = frozenset({"about", "accounts", "by-hand", "connect"})
"""Words that stand in the same place of an address as a channel's key."""

LONGEST_TOLERANCE = 24 * 60
"""Minutes: who plans by the day does not want a post a day late."""


def typed_credentials(net: Network, values: Mapping[str, str]) -> dict[str, str]:
    """What a form said, reduced to the network's fields, trimmed, with defaults.

    :raises UserError: ``credential_missing`` naming the first required field that is empty.
    """
    found: dict[str, str] = {}
    for one in net.credential_fields:
        value = str(values.get(one.key, "") or "").strip() or one.default
        if one.required and not value:
            raise UserError("credential_missing", field=one.key)
        if value:
            found[one.key] = value
    return found


def connect(
    *,
    workspace: Workspace,
    by: Person | None,
    now: datetime,
    network: str,
    name: str,
    purpose: str,
    credentials: Mapping[str, str],
    owner: Person | None = None,
    community: Community | None = None,
    key: str = "",
) -> Channel:
    """Connect an account: the network is asked first, then the channel is written.

    An account that this workspace had before is the same channel again, with its history.

    :raises UserError: ``unknown_network``, ``network_by_hand``, ``network_needs_oauth``, ``credential_missing``,
        ``channel_key_taken``, ``private_host``, ``network_…`` for what the network answered.
    """
    require(by, Permission.CHANNEL_MANAGE)
    net = access.network(network)
    _check_place(workspace, purpose, owner, community)
    if net.by_hand:
        raise UserError("network_by_hand", network=network)
    if not can(net, Connects):
        raise UserError("network_needs_oauth", network=network)
    account = ask(net, typed_credentials(net, credentials), app=registration.values_of(workspace.pk, net.key))
    return keep(
        workspace=workspace, by=by, now=now, net=net, account=account, name=name, purpose=purpose,
        owner=owner, community=community, key=key,
    )  # fmt: skip


def ask(net: Network, credentials: Mapping[str, str], *, app: Mapping[str, str] | None = None) -> Account:
    """Let the network check credentials, with those of the workspace's app under them. Never inside a transaction.

    :raises UserError: ``network_…``, ``private_host``.
    """
    assert isinstance(net, Connects)
    try:
        with access.client() as client:
            return net.connect(client=client, credentials={**(app or {}), **credentials})
    except NetworkError as error:
        raise access.user_error(error) from None


@transaction.atomic
def keep(
    *,
    workspace: Workspace,
    by: Person | None,
    now: datetime,
    net: Network,
    account: Account,
    name: str,
    purpose: str,
    owner: Person | None,
    community: Community | None,
    key: str = "",
    channel: Channel | None = None,
) -> Channel:
    """Write what connecting gave: onto ``channel`` (reconnecting), onto the account's old channel, or a new one.

    :raises UserError: ``other_account`` if ``channel`` belongs to another account, ``channel_key_taken``.
    """
    Workspace.objects.select_for_update().get(
        pk=workspace.pk
    )  # two people connecting one account make one channel
    same = Channel.objects.filter(
        workspace=workspace, network=net.key, external_id=account.external_id, by_hand=False
    ).first()
    if channel is not None and channel.external_id and channel.external_id != account.external_id:
        raise UserError("other_account", account=account.name, name=channel.name)
    if channel is not None and same is not None and same.pk != channel.pk:
        raise UserError("account_in_use", account=account.name, name=same.name)
    again = channel or same
    credentials = registration.without_app(
        net, account.credentials, registration.values_of(workspace.pk, net.key)
    )
    common: dict[str, Any] = {
        "external_id": account.external_id,
        "url": web_address(account.url) if len(account.url) <= 500 else "",
        "secret": access.sealed(credentials),
        **scopes.named(net, account.credentials),
        **tokens.times_of(credentials),
        "token_at": now,
        "refresh_lease_until": None,
        "refresh_next_at": None,
        "refresh_tries": 0,
        "end_told_for": None,
        "revoked_told_at": None,
        "limits_read_at": None,
        "limit_overrides": requirements.overrides_as_kept(workspace, net),
        "health": Health.OK,
        "health_code": "",
        "health_params": {},
        "health_checked_at": now,
        "practice": access.is_practice(net, account.credentials),
        "is_active": True,
        "observe_next_at": now if can(net, ReadsInsights) else None,
    }
    if again is not None:
        if channel is None:  # connected anew through the form: what it says counts
            common |= {"name": name.strip() or again.name, "purpose": purpose, "owner": owner or again.owner}
            common["community"] = community or again.community
        for attribute, value in common.items():
            setattr(again, attribute, value)
        again.save(update_fields=list(common))
        saved, action = again, "channel.reconnected"
    else:
        saved = Channel.objects.create(
            workspace=workspace,
            key=_key(workspace, key, name or account.name),
            network=net.key,
            name=(name.strip() or account.name)[:120],
            purpose=purpose,
            owner=owner,
            community=community,
            created_at=now,
            **common,
        )
        action = "channel.connected"
    audit.record(
        workspace=workspace, by=by, action=action, object_kind="channel", object_id=saved.pk, now=now,
        name=saved.name, network=net.key, account=account.name,
    )  # fmt: skip
    scopes.forget([saved.pk])
    hooks.resume([saved.pk], now=now)
    transaction.on_commit(partial(_look_around, saved.pk))
    return saved


def _look_around(channel_id: UUID) -> None:
    """Have the server asked for its limits soon; what nobody asks now is asked by the daily round."""
    from spilno.channels.jobs import read_limits  # jobs need services, and services must not need the queue

    read_limits.defer(channel_id=str(channel_id))


@transaction.atomic
def add_by_hand(
    *,
    workspace: Workspace,
    by: Person | None,
    now: datetime,
    network: str,
    name: str,
    purpose: str,
    owner: Person | None = None,
    community: Community | None = None,
    key: str = "",
    url: str = "",
) -> Channel:
    """A reminder channel: Spilno says what to post and when, a person posts and confirms with the link.

    Any network can be used so, also one that has an API.

    :raises UserError: ``unknown_network``, ``channel_name_missing``, ``bad_address``, ``channel_key_taken``.
    """
    require(by, Permission.CHANNEL_MANAGE)
    net = access.network(network)
    _check_place(workspace, purpose, owner, community)
    if not name.strip():
        raise UserError("channel_name_missing", field="name")
    channel = Channel.objects.create(
        workspace=workspace,
        key=_key(workspace, key, name),
        network=net.key,
        name=name.strip()[:120],
        purpose=purpose,
        owner=owner,
        community=community,
        by_hand=True,
        url=_address(url),
        health=Health.BY_HAND,
        created_at=now,
    )
    audit.record(
        workspace=workspace, by=by, action="channel.added_by_hand", object_kind="channel",
        object_id=channel.pk, now=now, name=channel.name, network=net.key,
    )  # fmt: skip
    return channel


@transaction.atomic
def update(
    *,
    channel: Channel,
    by: Person | None,
    now: datetime,
    name: str | None = None,
    purpose: str | None = None,
    owner: Person | None = None,
    community: Community | None = None,
    url: str | None = None,
    late_tolerance: int | None = None,
) -> Channel:
    """Change what people decide about a channel; ``None`` leaves name, purpose, url and tolerance as they are.

    ``owner`` and ``community`` are set to what is given: ``None`` takes them away. ``url`` counts only for a
    reminder channel; others have the address that the network states. ``late_tolerance`` is in minutes.

    :raises UserError: ``channel_name_missing``, ``bad_address``, ``bad_tolerance``, ``unknown_purpose``.
    """
    require(by, Permission.CHANNEL_MANAGE)
    _check_place(channel.workspace, purpose or channel.purpose, owner, community)
    if name is not None:
        if not name.strip():
            raise UserError("channel_name_missing", field="name")
        channel.name = name.strip()[:120]
    if purpose is not None:
        channel.purpose = purpose
    if url is not None and channel.by_hand:
        channel.url = _address(url)
    if late_tolerance is not None:
        if not 0 <= late_tolerance <= LONGEST_TOLERANCE:
            raise UserError("bad_tolerance", field="late_tolerance", longest=LONGEST_TOLERANCE)
        channel.late_tolerance = late_tolerance
    channel.owner, channel.community = owner, community
    channel.save(update_fields=["name", "purpose", "url", "late_tolerance", "owner", "community"])
    audit.record(
        workspace=channel.workspace, by=by, action="channel.changed", object_kind="channel",
        object_id=channel.pk, now=now, name=channel.name,
    )  # fmt: skip
    return channel


def reconnect(
    *, channel: Channel, by: Person | None, now: datetime, credentials: Mapping[str, str]
) -> Channel:
    """New credentials for the same account. Fields left empty keep what is known and no secret.

    :raises UserError: ``network_by_hand``, ``credential_missing``, ``other_account``, ``network_…``.
    """
    require(by, Permission.CHANNEL_MANAGE)
    net = access.network_of(channel)
    if channel.by_hand:
        raise UserError("network_by_hand", network=channel.network)
    if not can(net, Connects):
        raise UserError("network_needs_oauth", network=channel.network)
    account = ask(
        net,
        typed_credentials(net, {**known_fields(channel), **_given(credentials)}),
        app=registration.values_of(channel.workspace_id, net.key),
    )
    return keep(
        workspace=channel.workspace, by=by, now=now, net=net, account=account, name=channel.name,
        purpose=channel.purpose, owner=channel.owner, community=channel.community, channel=channel,
    )  # fmt: skip


def known_fields(channel: Channel) -> dict[str, str]:
    """What of the connect form can be filled in again: the fields that are no secrets."""
    try:
        kept = access.credentials_of(channel)
    except UserError:  # the key file changed: everything is typed anew
        return {}
    fields = access.network_of(channel).credential_fields
    return {one.key: kept[one.key] for one in fields if not one.secret and kept.get(one.key)}


@transaction.atomic
def disconnect(*, channel: Channel, by: Person | None, now: datetime) -> Channel:
    """End a channel: its credentials are destroyed, its history stays, nothing leaves through it any more."""
    require(by, Permission.CHANNEL_MANAGE)
    channel.secret, channel.is_active, channel.observe_next_at = None, False, None
    channel.access_until = channel.refresh_until = channel.refresh_lease_until = None
    channel.health = Health.BY_HAND if channel.by_hand else Health.NEW
    channel.health_code, channel.health_params = "", {}
    channel.save(
        update_fields=[
            "secret",
            "is_active",
            "observe_next_at",
            "access_until",
            "refresh_until",
            "refresh_lease_until",
            "health",
            "health_code",
            "health_params",
        ]
    )
    audit.record(
        workspace=channel.workspace, by=by, action="channel.disconnected", object_kind="channel",
        object_id=channel.pk, now=now, name=channel.name,
    )  # fmt: skip
    return channel


@transaction.atomic
def reopen_by_hand(*, channel: Channel, by: Person | None, now: datetime) -> Channel:
    """Use a reminder channel again that was ended (a connected one is reconnected instead)."""
    require(by, Permission.CHANNEL_MANAGE)
    if not channel.by_hand:
        raise UserError("channel_not_by_hand", name=channel.name)
    channel.is_active, channel.health = True, Health.BY_HAND
    channel.save(update_fields=["is_active", "health"])
    audit.record(
        workspace=channel.workspace, by=by, action="channel.reopened", object_kind="channel",
        object_id=channel.pk, now=now, name=channel.name,
    )  # fmt: skip
    return channel


def check_health(*, channel: Channel, now: datetime) -> Channel:
    """Ask the network whether the stored credentials still open the door, and note the answer.

    Not inside a transaction. What connecting adds (a fresh token) is kept.
    """
    if channel.by_hand or not channel.is_active:
        return channel
    net = access.network_of(channel)
    error: NetworkError | UserError | None = None
    with listening() as heard:
        try:
            credentials = tokens.fresh_credentials(channel=channel, now=now)
            before = channel.secret
            with access.client() as client:
                if isinstance(net, Connects):
                    account = net.connect(client=client, credentials=credentials)
                    if account.external_id == channel.external_id and account.credentials != credentials:
                        app = registration.values_of(channel.workspace_id, net.key)
                        kept = registration.without_app(net, account.credentials, app)
                        Channel.objects.filter(pk=channel.pk, secret=before).update(
                            secret=access.sealed(kept), token_at=now, **tokens.times_of(kept)
                        )
                elif isinstance(net, ReadsInsights):
                    net.account_readings(client=client, credentials=credentials)
        except (NetworkError, UserError) as problem:
            error = problem
    access.note_health(channel=channel, now=now, error=error)
    if not isinstance(error, UserError):
        seen = traffic.Seen(
            channel.pk, channel.network, error is None, error, traffic.quotas_of(net, heard), heard.requests,
            what=str(channel.pk),
        )  # fmt: skip
        traffic.note(seen=[seen], now=now)
    return channel


def _given(values: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if str(value or "").strip()}


def _key(workspace: Workspace, key: str, name: str) -> str:
    taken = set(Channel.objects.filter(workspace=workspace).values_list("key", flat=True))
    if key and key in taken | RESERVED:
        raise UserError("channel_key_taken", field="key", key=key)
    return key or slug_for(name, taken=taken | RESERVED)


def _address(url: str) -> str:
    text = url.strip()
    if not text:
        return ""
    if "://" not in text:
        text = f"https://{text}"
    try:
        URLValidator(schemes=["http", "https"])(text)
    except ValidationError:
        raise UserError("bad_address", field="url", address=url[:100]) from None
    return text[:500]


def _check_place(
    workspace: Workspace, purpose: str, owner: Person | None, community: Community | None
) -> None:
    if purpose not in Purpose.values:
        raise UserError("unknown_purpose", field="purpose", purpose=purpose)
    for field, one in (("owner", owner), ("community", community)):
        if one is not None and one.workspace_id != workspace.pk:
            raise UserError("not_of_this_workspace", field=field)


def visits(net: Network, values: Mapping[str, str]) -> bool:
    """Does connecting send the person to the network? Where it can, unless a token was typed instead."""
    typed_secret = any(str(values.get(one.key, "")).strip() for one in net.credential_fields if one.secret)
    return can(net, ConnectsByOAuth) and not (typed_secret and can(net, Connects))
