"""Connecting by sending a person to the network and back.

Between the two a :class:`PendingConnection` waits: found by an unguessable ``state``, usable once, for an hour, and
only by the person who began.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from spilno.channels import access
from spilno.channels.models import Channel, PendingConnection
from spilno.channels.services import _check_place, keep, known_fields, typed_credentials
from spilno.kernel.errors import UserError
from spilno.kernel.ids import new_token
from spilno.team.models import Community, Person, User, Workspace
from spilno.team.permissions import Permission, require
from spilno.toolkit.networks.base import ConnectsByOAuth, NetworkError

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
    :raises UserError: ``network_without_oauth``, ``credential_missing``, ``network_…``.
    """
    require(by, Permission.CHANNEL_MANAGE)
    net = access.network(network)
    _check_place(workspace, purpose, owner, community)
    if not isinstance(net, ConnectsByOAuth):
        raise UserError("network_without_oauth", network=network)
    typed = dict(credentials)
    if channel is not None:
        typed = {**known_fields(channel), **{key: value for key, value in typed.items() if value}}
    state = new_token(32)
    try:
        with access.client() as client:
            url, meanwhile = net.authorization(
                client=client,
                credentials=typed_credentials(net, typed),
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


def finish_oauth(*, state: str, code: str, user: User, now: datetime) -> Channel:
    """The person is back with a code: trade it and write the channel.

    :param user: who is signed in; must be who began.
    :raises UserError: ``connection_expired`` (unknown, used, older than an hour or begun by somebody else),
        ``other_account``, ``network_…``.
    """
    pending = (
        PendingConnection.objects.select_related("workspace", "person", "channel")
        .filter(state=state, person__user=user, person__is_active=True, created_at__gte=now - PENDING_LIFE)
        .first()
    )
    # Deleting is the claim: of two answers with one state only one goes on.
    if pending is None or not PendingConnection.objects.filter(pk=pending.pk).delete()[0]:
        raise UserError("connection_expired")
    require(pending.person, Permission.CHANNEL_MANAGE)
    net = access.network(pending.network)
    assert isinstance(net, ConnectsByOAuth)
    values = pending.values
    try:
        with access.client() as client:
            account, *_ = net.finish(
                client=client,
                credentials=access.unsealed(pending.secret),
                code=code,
                redirect_uri=values["redirect_uri"],
            )
    except NetworkError as error:
        raise access.user_error(error) from None
    workspace, owner, community = pending.workspace, values["owner"], values["community"]
    return keep(
        workspace=workspace,
        by=pending.person,
        now=now,
        net=net,
        account=account,
        name=values["name"],
        purpose=values["purpose"],
        owner=Person.objects.filter(workspace=workspace, pk=owner).first() if owner else None,
        community=Community.objects.filter(workspace=workspace, pk=community).first() if community else None,
        key=values["key"],
        channel=pending.channel,
    )


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
