"""Does a server of a network answer at all? If it does not, posts wait instead of running against a wall.

A circuit opens after several failures of different work in a row, within a short time. Then one post at a time is let
through to see whether the server is back, with a pause that grows to some minutes; the first answer closes it. The
rows say since when and until when, so that every worker does the same and every page can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Q

from spilno.channels import hooks
from spilno.channels.models import Channel, Circuit
from spilno.channels.scopes import NONE, Scope
from spilno.toolkit.networks.base import Kind, NetworkError

FAILURES = 4
"""So many in a row, of different work, open a circuit."""

WITHIN = timedelta(minutes=5)
"""Failures further apart than this say nothing together."""

FIRST_PAUSE = 30
LONGEST_PAUSE = 300
"""Seconds between two probes: doubled with every one that fails."""

PROBE_LEASE = timedelta(seconds=90)
"""A probe that nobody heard of for so long was lost; another one may go."""

SOON = timedelta(seconds=10)
"""While a probe is under way the others ask again so soon: it usually knows by then."""


@dataclass(frozen=True)
class Outage:
    """What an open circuit means for a channel: nothing, or one post that probes."""

    granted: int
    wait_until: datetime
    params: Mapping[str, Any] = field(default_factory=dict)


def blocked(scopes: Sequence[Scope], *, now: datetime) -> dict[UUID, Outage]:
    """Channels behind an open circuit. The first of a server whose next probe is due gets to be the probe."""
    rows = {(one.network, one.server): one for one in silent()}
    found: dict[UUID, Outage] = {}
    if not rows:
        return found
    for scope in scopes:
        circuit = rows.get((scope.network, scope.server))
        if circuit is None:
            continue
        granted = 0
        if _due(circuit, now) and _claim_probe(circuit, now):
            granted, circuit.probing_until = 1, now + PROBE_LEASE
        found[scope.channel_id] = Outage(granted, _next(circuit, now), params_of(circuit, now))
    return found


def _due(circuit: Circuit, now: datetime) -> bool:
    free = circuit.probing_until is None or circuit.probing_until <= now
    return free and (circuit.probe_at is None or circuit.probe_at <= now)


def _claim_probe(circuit: Circuit, now: datetime) -> bool:
    free = Q(probing_until=None) | Q(probing_until__lte=now)
    due = Q(probe_at=None) | Q(probe_at__lte=now)
    return bool(
        Circuit.objects.filter(free, due, pk=circuit.pk, open=True).update(probing_until=now + PROBE_LEASE)
    )


def _next(circuit: Circuit, now: datetime) -> datetime:
    if circuit.probing_until is not None and circuit.probing_until > now:
        return min(circuit.probing_until, now + SOON)
    return max(circuit.probe_at or now, now + timedelta(seconds=1))


def params_of(circuit: Circuit, now: datetime) -> dict[str, Any]:
    """Values for the message: who does not answer, since when, and when we ask next."""
    return {
        "host": circuit.server if circuit.server != NONE else circuit.network,
        "network": circuit.network,
        "since": (circuit.since or now).isoformat(),
        "until": _next(circuit, now).isoformat(),
    }


def open_ones(servers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Circuit]:
    """The open circuits of these networks' servers."""
    wanted = set(servers)
    if not wanted:
        return {}
    return {(one.network, one.server): one for one in silent() if (one.network, one.server) in wanted}


def silent() -> list[Circuit]:
    """Servers that do not answer."""
    return list(Circuit.objects.filter(open=True))


# ------------------------------------------------------------------------------------------------ what was seen


def answered(ok: bool, error: NetworkError | None) -> bool | None:
    """Did the server answer? ``None``: this says nothing about it.

    A refusal is an answer: one broken account, a limit, a text that is too long do not make an outage.
    """
    if ok:
        return True
    if error is None:
        return None
    if error.kind in (Kind.UNREACHABLE, Kind.UNCERTAIN) or (error.status or 0) >= 500:
        return False
    return True if error.status is not None else None


def note(seen: Sequence[tuple[Scope, str, bool, NetworkError | None]], *, now: datetime) -> None:
    """Count failures in a row, open and close circuits. One statement as long as everybody answers."""
    well: set[tuple[str, str]] = set()
    failed: dict[tuple[str, str], dict[str, str]] = {}
    for scope, what, ok, error in seen:
        server = (scope.network, scope.server)
        verdict = answered(ok, error)
        if verdict:
            well.add(server)
        elif verdict is False:
            assert error is not None
            # A connection that is refused is the server's doing whoever tries; anything else may be the post's.
            mine = what if what and error.kind is not Kind.UNREACHABLE else str(uuid4())
            failed.setdefault(server, {})[mine] = error.code
    if well:
        _answered(well, now)
    for server, work in sorted(failed.items()):
        if server not in well:
            _failed(server, work, now)


def _answered(servers: set[tuple[str, str]], now: datetime) -> None:
    ordered = sorted(servers)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH was AS (SELECT id, open FROM channels_circuit"
            "  WHERE (network, server) IN (SELECT * FROM unnest(%s::text[], %s::text[])) AND since IS NOT NULL"
            "  ORDER BY id FOR UPDATE)"
            " UPDATE channels_circuit AS c SET open = false, failed = '[]', since = NULL, code = '', pause = 0,"
            " probe_at = NULL, probing_until = NULL, last_at = NULL FROM was WHERE c.id = was.id"
            " RETURNING c.network, c.server, was.open",
            [[one[0] for one in ordered], [one[1] for one in ordered]],
        )
        closed = [(network, server) for network, server, was_open in cursor.fetchall() if was_open]
    for network, server in closed:
        ids = list(
            Channel.objects.filter(network=network, server=server, is_active=True).values_list(
                "pk", flat=True
            )
        )
        hooks.resume(ids, now=now)


def _failed(server: tuple[str, str], work: Mapping[str, str], now: datetime) -> None:
    Circuit.objects.bulk_create([Circuit(network=server[0], server=server[1])], ignore_conflicts=True)
    with transaction.atomic():
        row = Circuit.objects.select_for_update().get(network=server[0], server=server[1])
        if row.last_at is None or (not row.open and now - row.last_at > WITHIN):
            row.failed, row.since = [], now
        row.failed = list(dict.fromkeys([*row.failed, *work]))[-FAILURES:]
        row.since = row.since or now
        row.last_at, row.code = now, list(work.values())[-1]
        if row.open:
            if row.probing_until is not None or row.probe_at is None or row.probe_at <= now:
                row.pause = min(row.pause * 2, LONGEST_PAUSE)
                row.probe_at, row.probing_until = now + timedelta(seconds=row.pause), None
        elif len(row.failed) >= FAILURES:
            row.open, row.pause = True, FIRST_PAUSE
            row.probe_at, row.probing_until = now + timedelta(seconds=FIRST_PAUSE), None
        row.save()
