"""What may be published on a channel: the network's declared limits, replaced by what its server states today, and
those again by what an administrator of the workspace decided.

Checking a post asks the database nothing: both kinds of replacements lie on the channel's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection, transaction

from spilno.channels import access
from spilno.channels.models import Channel, LimitOverride
from spilno.kernel.errors import UserError
from spilno.team import audit
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require
from spilno.toolkit.networks.base import Limit, Network, NetworkError, Placement, ReadsLimits

LONGEST_REASON = 300

Value = int | Decimal | str | None


def placement_for(channel: Channel, placement: str) -> Placement:
    """The placement with the limits that count on this channel today.

    :raises UserError: ``unknown_network``.
    :raises KeyError: if the network has no such placement.
    """
    declared = access.network_of(channel).placement(placement)
    changed = limits_for(channel, placement)
    if not changed:
        return declared
    merged = {one.key: one for one in declared.limits} | {one.key: one for one in changed}
    return replace(declared, limits=tuple(merged.values()))


def limits_for(channel: Channel, placement: str) -> tuple[Limit, ...]:
    """Only the limits that replace declared ones (as ``check`` takes them): live ones, then decided ones."""
    live = _read(channel.live_limits.get(placement, ()))
    decided = _read(channel.limit_overrides.get(placement, ()))
    return tuple((live | decided).values())


def live_limits(channel: Channel, placement: str) -> tuple[Limit, ...]:
    """What the channel's server stated when it was asked last."""
    return tuple(_read(channel.live_limits.get(placement, ())).values())


def _read(rows: Any) -> dict[str, Limit]:
    return {
        row["key"]: Limit(
            row["key"],
            _value(row["value"]),
            row["unit"],
            date.fromisoformat(row["checked_on"]),
            row["source"],
        )
        for row in rows
    }


def _value(kept: Any) -> Value:
    return Decimal(kept["decimal"]) if isinstance(kept, Mapping) else kept


def _kept(value: Value) -> Any:
    return {"decimal": str(value)} if isinstance(value, Decimal) else value


def _row(limit: Limit) -> dict[str, Any]:
    return {
        "key": limit.key, "value": _kept(limit.value), "unit": limit.unit,
        "checked_on": limit.checked_on.isoformat(), "source": limit.source,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ live


def read_live(*, channel: Channel, now: datetime) -> bool:
    """Ask the server for its limits and keep them. What cannot be read stays as it was read last.

    Not inside a transaction. Returns whether the server was asked and answered.
    """
    net = access.network_of(channel)
    if not isinstance(net, ReadsLimits) or channel.by_hand or not channel.is_active:
        return False
    found: dict[str, Any] = {}
    try:
        credentials = access.credentials_of(channel)
        with access.client() as client:
            for place in net.placements:
                limits = net.live_limits(client=client, credentials=credentials, placement=place.key)
                if limits:
                    found[place.key] = [_row(one) for one in limits]
    except (NetworkError, UserError):
        # Asked again tomorrow; the last known limits still count.
        Channel.objects.filter(pk=channel.pk).update(limits_read_at=now)
        return False
    Channel.objects.filter(pk=channel.pk).update(live_limits=found, limits_read_at=now)
    channel.live_limits, channel.limits_read_at = found, now
    return True


# ------------------------------------------------------------------------------------------------ decided


@dataclass(frozen=True)
class Declared:
    """A limit that can be replaced."""

    placement: Placement
    limit: Limit


def declared(net: Network, placement: str, key: str) -> Declared:
    """The declared limit of that name.

    :raises UserError: ``unknown_limit``.
    """
    try:
        place = net.placement(placement)
    except KeyError:
        raise UserError("unknown_limit", limit=key) from None
    for one in place.limits:
        if one.key == key:
            return Declared(place, one)
    raise UserError("unknown_limit", limit=key)


def typed_value(limit: Limit, text: str) -> Value:
    """What somebody typed as a limit's value, of the same kind as the declared one.

    :raises UserError: ``bad_limit``.
    """
    said = text.strip().replace("\u00a0", "").replace("\u202f", "")
    wrong = UserError("bad_limit", field="value", typed=text.strip()[:40])
    if not said:
        raise wrong
    if isinstance(limit.value, str):
        words = said.replace(",", " ").split()
        if not all("/" in one for one in words):
            raise wrong
        return " ".join(words)
    said = said.replace(" ", "").replace(",", ".")
    try:
        number = Decimal(said)
    except InvalidOperation:
        raise wrong from None
    if not number.is_finite() or number < 0 or number > 10**12:
        raise wrong
    if isinstance(limit.value, Decimal):
        return number
    if number != number.to_integral_value():
        raise wrong
    return int(number)


@transaction.atomic
def override(
    *, workspace: Workspace, by: Person | None, now: datetime, network: Network, placement: str, key: str,
    value: str, reason: str,
) -> LimitOverride:  # fmt: skip
    """Let another value count than the declared one, in this workspace.

    :param value: as typed; :param reason: why, for those who come later.
    :raises UserError: ``unknown_limit``, ``bad_limit``, ``reason_missing``.
    """
    require(by, Permission.CHANNEL_MANAGE)
    limit = declared(network, placement, key).limit
    read = typed_value(limit, value)
    if not reason.strip():
        raise UserError("reason_missing", field="reason")
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    row, _ = LimitOverride.objects.update_or_create(
        workspace=workspace,
        network=network.key,
        placement=placement,
        key=key,
        defaults={"value": _kept(read), "reason": reason.strip()[:LONGEST_REASON], "by": by, "at": now},
    )
    _spread(workspace, network)
    audit.record(
        workspace=workspace, by=by, action="limit.overridden", object_kind="limit", object_id=row.pk, now=now,
        network=network.key, placement=placement, limit=key, value=str(read), declared=str(limit.value),
        reason=row.reason,
    )  # fmt: skip
    return row


@transaction.atomic
def take_back(
    *, workspace: Workspace, by: Person | None, now: datetime, network: Network, placement: str, key: str
) -> bool:
    """The declared (or live) limit counts again. Returns whether there was anything to take back."""
    require(by, Permission.CHANNEL_MANAGE)
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    gone = LimitOverride.objects.filter(
        workspace=workspace, network=network.key, placement=placement, key=key
    ).delete()[0]
    if not gone:
        return False
    _spread(workspace, network)
    audit.record(
        workspace=workspace, by=by, action="limit.taken_back", object_kind="limit", object_id=None, now=now,
        network=network.key, placement=placement, limit=key,
    )  # fmt: skip
    return True


def overrides(workspace: Workspace, network: Network) -> dict[tuple[str, str], LimitOverride]:
    """What was decided in this workspace, by placement and key of the limit."""
    rows = LimitOverride.objects.select_related("by").filter(workspace=workspace, network=network.key)
    return {(one.placement, one.key): one for one in rows}


def value_of(row: LimitOverride) -> Value:
    """The value that counts."""
    return _value(row.value)


def overrides_as_kept(workspace: Workspace, network: Network) -> dict[str, Any]:
    """The decided limits as every channel of the network carries them."""
    found: dict[str, Any] = {}
    rows = LimitOverride.objects.filter(workspace=workspace, network=network.key)
    for one in rows.order_by("placement", "key"):
        try:
            unit = declared(network, one.placement, one.key).limit.unit
        except UserError:  # the network does not have it any more
            continue
        limit = Limit(one.key, _value(one.value), unit, one.at.date(), "override")
        found.setdefault(one.placement, []).append(_row(limit))
    return found


def _spread(workspace: Workspace, network: Network) -> None:
    assert connection.in_atomic_block
    Channel.objects.filter(workspace=workspace, network=network.key).update(
        limit_overrides=overrides_as_kept(workspace, network)
    )
