"""Connecting by sending a person to the network and back.

Between the two a :class:`PendingConnection` waits: found by an unguessable ``state``, usable once, for an hour, and
only by the person who began.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from spilno.channels import access
from spilno.channels.models import Channel, PendingConnection, Purpose
from spilno.channels.registration import require_app
from spilno.channels.services import _check_place, keep, known_fields, typed_credentials
from spilno.kernel.errors import UserError
from spilno.kernel.ids import new_token
from spilno.team.models import Community, Person, User, Workspace
from spilno.team.permissions import Permission, require
from spilno.toolkit.networks.base import Account, ConnectsByOAuth, NetworkError

PENDING_LIFE = timedelta(hours=1)


def begin_oauth(
    *,
    workspace: Workspace,
    by: Person,
    now: datetime,
    network: str,
    name: str,
    purpose: str,
    credentials: Mapping[str, str],
    redirect_uri: str,
    owner: Person | None = None,
    community: Community | None = None,
    key: str = "",
    channel: Channel | None = None,
) -> tuple[str, str]:
    """The address to send the person to, and the ``state`` that their session must remember.

    :param redirect_uri: where the network sends the person back to.
    :param channel: set to reconnect this channel.
    :raises UserError: ``network_without_oauth``, ``credential_missing``, ``app_missing``, ``network_…``.
    """
    require(by, Permission.CHANNEL_MANAGE)
    net = access.network(network)
    _check_place(workspace, purpose, owner, community)
    if not isinstance(net, ConnectsByOAuth):
        raise UserError("network_without_oauth", network=network)
    typed = dict(credentials)
    if channel is not None:
        typed = {**known_fields(channel), **{key: value for key, value in typed.items() if value}}
    app = require_app(workspace, net, typed)
    state = new_token(32)
    try:
        with access.client() as client:
            url, meanwhile = net.authorization(
                client=client,
                credentials={**app, **typed_credentials(net, typed)},
                redirect_uri=redirect_uri,
                state=state,
            )
    except NetworkError as error:
        raise access.user_error(error) from None
    PendingConnection.objects.filter(created_at__lt=now - PENDING_LIFE).delete()
    PendingConnection.objects.create(
        workspace=workspace,
        state=state,
        network=network,
        person=by,
        values={
            "name": name,
            "purpose": purpose,
            "key": key,
            "owner": str(owner.pk) if owner else "",
            "community": str(community.pk) if community else "",
            "redirect_uri": redirect_uri,
        },
        secret=access.sealed(meanwhile),
        channel=channel,
        created_at=now,
    )
    return url, state


def finish_oauth(*, state: str, code: str, user: User, now: datetime) -> Channel | PendingConnection:
    """The person is back with a code: trade it and write the channel.

    :param user: who is signed in; must be who began.
    :return: the channel; or, if there are several accounts, what waits until the person has chosen (:func:`choices`,
        :func:`choose`). Connecting again takes the channel's own account without asking.
    :raises UserError: ``connection_expired`` (unknown, used, older than an hour or begun by somebody else),
        ``other_account``, ``no_accounts``, ``network_…``.
    """
    pending = _claimed(now=now, user=user, state=state, accounts=None)
    net = access.network(pending.network)
    assert isinstance(net, ConnectsByOAuth)
    try:
        with access.client() as client:
            accounts = net.finish(
                client=client,
                credentials=access.unsealed(pending.secret),
                code=code,
                redirect_uri=pending.values["redirect_uri"],
            )
    except NetworkError as error:
        raise access.user_error(error) from None
    if pending.channel is not None:
        same = [one for one in accounts if one.external_id == pending.channel.external_id]
        accounts = tuple(same) or accounts[:1]  # another account is refused with its name
    if not accounts:
        raise UserError("no_accounts")
    if len(accounts) > 1:
        return PendingConnection.objects.create(
            workspace=pending.workspace, state=new_token(32), network=pending.network, person=pending.person,
            values=pending.values, secret=b"", accounts=_sealed(accounts), created_at=now,
        )  # fmt: skip
    return _written(pending, accounts[0], now, name=pending.values["name"], purpose=pending.values["purpose"])


def _claimed(*, now: datetime, user: User, state: str, accounts: bool | None) -> PendingConnection:
    """The pending connection, taken out: of two answers only one goes on."""
    pending = _waiting(now=now, user=user, state=state, accounts=bool(accounts))
    if pending is None or not PendingConnection.objects.filter(pk=pending.pk).delete()[0]:
        raise UserError("connection_expired")
    require(pending.person, Permission.CHANNEL_MANAGE)
    return pending


def _waiting(*, now: datetime, user: User, state: str, accounts: bool) -> PendingConnection | None:
    return (
        PendingConnection.objects.select_related("workspace", "person", "channel")
        .filter(
            state=state, person__user=user, person__is_active=True, created_at__gte=now - PENDING_LIFE,
            accounts__isnull=not accounts,
        )
        .first()
    )  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """An account that can be chosen. ``channel``: the one that it is already."""

    number: int
    external_id: str
    name: str
    url: str
    channel: Channel | None


@dataclass(frozen=True)
class Choices:
    """What came back from a network with several accounts."""

    pending: PendingConnection
    accounts: list[Choice]


def choices(*, state: str, user: User, now: datetime) -> Choices:
    """The accounts to choose from.

    :raises UserError: ``connection_expired``.
    """
    pending = _waiting(now=now, user=user, state=state, accounts=True)
    if pending is None:
        raise UserError("connection_expired")
    accounts = _unsealed(pending)
    there = {
        one.external_id: one
        for one in Channel.objects.filter(
            workspace=pending.workspace, network=pending.network, by_hand=False, is_active=True,
            external_id__in=[one.external_id for one in accounts],
        )
    }  # fmt: skip
    return Choices(
        pending,
        [
            Choice(number, one.external_id, one.name, one.url, there.get(one.external_id))
            for number, one in enumerate(accounts)
        ],
    )


@dataclass(frozen=True)
class Chosen:
    """One account to connect, with what the team calls it."""

    number: int
    name: str
    purpose: str


def choose(*, state: str, user: User, now: datetime, chosen: Sequence[Chosen]) -> list[Channel]:
    """Connect the chosen accounts, each as a channel of its own.

    :raises UserError: ``connection_expired``, ``accounts_missing`` (nothing chosen), ``unknown_purpose``.
    """
    waiting = _waiting(now=now, user=user, state=state, accounts=True)
    if waiting is None:
        raise UserError("connection_expired")
    accounts = _unsealed(waiting)
    picked = [one for one in chosen if 0 <= one.number < len(accounts)]
    if not picked:
        raise UserError("accounts_missing")
    for one in picked:
        if one.purpose not in Purpose.values:
            raise UserError("unknown_purpose", purpose=one.purpose[:40])
    with transaction.atomic():
        pending = _claimed(now=now, user=user, state=state, accounts=True)
        return [
            _written(pending, accounts[one.number], now, name=one.name, purpose=one.purpose) for one in picked
        ]


def _written(
    pending: PendingConnection, account: Account, now: datetime, *, name: str, purpose: str
) -> Channel:
    workspace, values = pending.workspace, pending.values
    owner, community = values["owner"], values["community"]
    return keep(
        workspace=workspace,
        by=pending.person,
        now=now,
        net=access.network(pending.network),
        account=account,
        name=name,
        purpose=purpose,
        owner=Person.objects.filter(workspace=workspace, pk=owner).first() if owner else None,
        community=Community.objects.filter(workspace=workspace, pk=community).first() if community else None,
        key=values["key"],
        channel=pending.channel,
    )


def _sealed(accounts: Sequence[Account]) -> bytes:
    rows = [
        {
            "external_id": one.external_id,
            "name": one.name,
            "url": one.url,
            "credentials": dict(one.credentials),
        }
        for one in accounts
    ]
    return access.sealed({"accounts": json.dumps(rows)})


def _unsealed(pending: PendingConnection) -> list[Account]:
    return [Account(**one) for one in json.loads(access.unsealed(pending.accounts)["accounts"])]


def workspace_of(*, state: str, user: User) -> Workspace | None:
    """Where the person began, to bring them back there if it fails."""
    pending = (
        PendingConnection.objects.select_related("workspace").filter(state=state, person__user=user).first()
    )
    return pending.workspace if pending else None


def give_up(*, state: str, user: User) -> Workspace | None:
    """The person said no at the network: forget the connection. Returns the workspace to go back to."""
    workspace = workspace_of(state=state, user=user)
    PendingConnection.objects.filter(state=state, person__user=user).delete()
    return workspace
