"""A workspace's registered apps: what an administrator types once for all channels of a network.

Networks that want their apps registered (client id and secret) find the values among the credentials. They are kept
here, sealed, and laid under a channel's own credentials when it speaks; no channel holds a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from spilno.channels.models import Channel, NetworkApp
from spilno.kernel.errors import UserError
from spilno.kernel.secrets import seal, unseal
from spilno.team import audit
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import CredentialField, Credentials, Network


@dataclass(frozen=True)
class App:
    """What is known of a network's app, without its secrets.

    ``shown``: fields that are no secrets; ``kept``: keys of all fields that have a value; ``missing``: required ones
    that have none; ``unreadable``: the key file changed, everything has to be typed anew.
    """

    shown: Mapping[str, str]
    kept: frozenset[str]
    missing: tuple[CredentialField, ...]
    unreadable: bool = False
    changed_by: Person | None = None
    changed_at: datetime | None = None

    @property
    def ready(self) -> bool:
        return not self.missing


def app_of(workspace: Workspace, net: Network) -> App:
    """The workspace's app on a network."""
    row = NetworkApp.objects.select_related("changed_by").filter(workspace=workspace, network=net.key).first()
    return _app(net, row)


def apps_of(workspace: Workspace) -> dict[str, App]:
    """The workspace's apps on all networks that want one, by network; one query."""
    rows = {
        row.network: row
        for row in NetworkApp.objects.select_related("changed_by").filter(workspace=workspace)
    }
    return {key: _app(net, rows.get(key)) for key, net in registry.all_networks().items() if net.app_fields}


def _app(net: Network, row: NetworkApp | None) -> App:
    values: dict[str, str] = {}
    unreadable = False
    if row is not None:
        try:
            values = _values(row)
        except UserError:
            unreadable = True
    return App(
        shown={one.key: values[one.key] for one in net.app_fields if not one.secret and values.get(one.key)},
        kept=frozenset(values),
        missing=tuple(one for one in net.app_fields if one.required and not values.get(one.key)),
        unreadable=unreadable,
        changed_by=row.changed_by if row else None,
        changed_at=row.changed_at if row else None,
    )


def _values(row: NetworkApp) -> dict[str, str]:
    return unseal(bytes(row.secret), keys=settings.SPILNO_CREDENTIAL_KEYS)


def values_of(workspace_id: UUID, network: str) -> dict[str, str]:
    """The app's values in the clear: for a network's methods only. ``{}`` without an app, or with one that cannot be
    read any more; no query where the network wants none."""
    return values_of_many([(workspace_id, network)]).get((workspace_id, network), {})


def values_of_many(wanted: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], dict[str, str]]:
    """:func:`values_of` for many pairs of workspace and network; at most one query."""
    networks = registry.all_networks()
    pairs = {(one, key) for one, key in wanted if key in networks and networks[key].app_fields}
    if not pairs:
        return {}
    rows = NetworkApp.objects.filter(
        workspace_id__in={one for one, _ in pairs}, network__in={key for _, key in pairs}
    )
    found = {}
    for row in rows:
        if (row.workspace_id, row.network) in pairs:
            try:
                found[row.workspace_id, row.network] = _values(row)
            except UserError:
                continue
    return found


def without_app(net: Network, credentials: Credentials, app: Mapping[str, str]) -> dict[str, str]:
    """Credentials as a channel keeps them: what its app says is not copied."""
    keys = {one.key for one in net.app_fields}
    return {key: value for key, value in credentials.items() if key not in keys or app.get(key) != value}


def require_app(workspace: Workspace, net: Network, typed: Mapping[str, str]) -> dict[str, str]:
    """The app's values, to begin a connection with.

    :raises UserError: ``app_missing`` if the network wants an app and neither the workspace nor ``typed`` has one.
    """
    values = values_of(workspace.pk, net.key)
    if any(one.required and not (typed.get(one.key) or values.get(one.key)) for one in net.app_fields):
        raise UserError("app_missing", network=net.key)
    return values


@transaction.atomic
def keep_app(
    *, workspace: Workspace, by: Person | None, now: datetime, network: Network, values: Mapping[str, str]
) -> App:
    """Write what an administrator typed. A secret that is left empty stays as it is.

    :raises UserError: ``network_without_app``, ``credential_missing`` naming the first required field without value.
    """
    require(by, Permission.CHANNEL_MANAGE)
    if not network.app_fields:
        raise UserError("network_without_app", network=network.key)
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    row = NetworkApp.objects.filter(workspace=workspace, network=network.key).first()
    known: dict[str, str] = {}
    if row is not None:
        try:
            known = _values(row)
        except UserError:
            known = {}
    kept = {}
    for one in network.app_fields:
        typed = str(values.get(one.key, "") or "").strip()
        value = typed or (known.get(one.key, "") if one.secret else "") or one.default
        if one.required and not value:
            raise UserError("credential_missing", field=one.key)
        if value:
            kept[one.key] = value
    NetworkApp.objects.update_or_create(
        workspace=workspace,
        network=network.key,
        defaults={
            "secret": seal(kept, keys=settings.SPILNO_CREDENTIAL_KEYS), "changed_by": by, "changed_at": now,
        },
    )  # fmt: skip
    _moved(workspace, network)
    audit.record(
        workspace=workspace, by=by, action="network_app.kept", object_kind="network_app", object_id=None,
        now=now, network=network.key,
    )  # fmt: skip
    return app_of(workspace, network)


@transaction.atomic
def forget_app(*, workspace: Workspace, by: Person | None, now: datetime, network: Network) -> None:
    """Destroy what is known of the app. Channels that need it will say so."""
    require(by, Permission.CHANNEL_MANAGE)
    if NetworkApp.objects.filter(workspace=workspace, network=network.key).delete()[0]:
        _moved(workspace, network)
        audit.record(
            workspace=workspace, by=by, action="network_app.forgotten", object_kind="network_app",
            object_id=None, now=now, network=network.key,
        )  # fmt: skip


def _moved(workspace: Workspace, network: Network) -> None:
    """Its channels share another app's limits from now on; read anew when it matters."""
    Channel.objects.filter(workspace=workspace, network=network.key).update(app="")
