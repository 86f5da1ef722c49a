"""Reading counters from the networks, on a schedule that is dense while a post is young and sparse later.

A row says itself when it is read next (``observe_next_at``). Whoever moves that time first has the row; the
network is asked outside any transaction; then the readings are noted. A worker's death costs one lease.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import httpx
from django.db import transaction
from django.db.models import Q

from spilno.briefs.models import Initiative
from spilno.channels import access
from spilno.channels.models import Channel
from spilno.facts.models import SubjectKind
from spilno.facts.queries import observations
from spilno.facts.services import NewObservation, observe_many
from spilno.kernel import clock
from spilno.kernel.errors import UserError
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState
from spilno.team.models import Workspace
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import Kind, NetworkError, Reading, ReadsInsights, can

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Rows looked at in one run; what is left is due in the next."""

LEASE = timedelta(minutes=5)
"""For so long nobody else reads a row that somebody took."""

AGAIN = timedelta(minutes=15)
"""After a failure that names no time of its own."""

POST_STEPS: tuple[tuple[timedelta, timedelta], ...] = (
    (timedelta(minutes=15), timedelta(minutes=1)),
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(hours=6), timedelta(minutes=15)),
    (timedelta(days=1), timedelta(hours=1)),
    (timedelta(days=3), timedelta(hours=3)),
    (timedelta(days=14), timedelta(hours=12)),
    (timedelta(days=90), timedelta(days=3)),
)
"""Up to which age a post is read how often. Older posts do not change any more and are left alone."""

ACCOUNT_EVERY = timedelta(hours=3)
EVE = timedelta(minutes=5)
"""An account is also read so long before midnight, so that "at the end of the day" is true to the minute."""


def due(*, now: datetime) -> int:
    """Read every account and post whose time has come. Returns how many were read. Not inside a transaction."""
    read = 0
    channels = (
        Channel.objects.filter(_readable(), observe_next_at__lte=now)
        .select_related("workspace")
        .order_by("observe_next_at")[:AT_ONCE]
    )
    unwilling: set[UUID] = set()  # channels that are not to be asked again in this run
    for channel in channels:
        read += _read_account(channel, now, unwilling)
    deliveries = (
        Delivery.objects.filter(
            channel__in=Channel.objects.filter(_readable()),
            state=DeliveryState.PUBLISHED,
            observe_next_at__lte=now,
        )
        .exclude(external_id="")
        .select_related("channel", "workspace")
        .order_by("observe_next_at")[:AT_ONCE]
    )
    for delivery in deliveries:
        if delivery.channel_id not in unwilling:
            read += _read_post(delivery, now, unwilling)
    return read


def ask_again(*, initiative: Initiative, now: datetime) -> None:
    """Make everything of an initiative due at once, because somebody wants fresh numbers."""
    with transaction.atomic():
        Delivery.objects.filter(
            workspace_id=initiative.workspace_id,
            variant__item__initiative=initiative,
            state=DeliveryState.PUBLISHED,
            channel__in=Channel.objects.filter(_readable()),
        ).exclude(external_id="").update(observe_next_at=now)
        Channel.objects.filter(
            _readable(),
            workspace_id=initiative.workspace_id,
            variants__item__initiative=initiative,
        ).update(observe_next_at=now)


def next_reading(*, published_at: datetime, now: datetime) -> datetime | None:
    """When a post is read after ``now``; ``None`` when it is too old to change."""
    age = now - published_at
    return next((now + every for until, every in POST_STEPS if age < until), None)


def next_account_reading(*, now: datetime, zone: str) -> datetime:
    """When an account is read after ``now``: regularly, and shortly before midnight in the workspace's zone."""
    tomorrow = clock.local_day(now, zone) + timedelta(days=1)
    eve = clock.day_start(tomorrow, zone) - EVE
    return eve if now < eve < now + ACCOUNT_EVERY else now + ACCOUNT_EVERY


def _readable() -> Q:
    """Channels whose network tells us numbers."""
    networks = [key for key, network in registry.all_networks().items() if can(network, ReadsInsights)]
    return Q(is_active=True, by_hand=False, network__in=networks)


# ---------------------------------------------------------------------------------------------------- one row


def _read_account(channel: Channel, now: datetime, unwilling: set[UUID]) -> bool:
    if not _take(channel, now):
        return False
    network = access.network_of(channel)
    assert isinstance(network, ReadsInsights)
    try:
        credentials = access.credentials_of(channel)
        with access.client() as client:
            readings = network.account_readings(client=client, credentials=credentials)
    except (NetworkError, UserError, httpx.HTTPError) as error:
        _failed(channel, channel, error, now, unwilling)
        return False
    _note(channel.workspace, SubjectKind.CHANNEL, channel.pk, channel, readings, now)
    access.note_health(channel=channel, now=now)
    _next(channel, next_account_reading(now=now, zone=channel.workspace.time_zone))
    return True


def _read_post(delivery: Delivery, now: datetime, unwilling: set[UUID]) -> bool:
    if not _take(delivery, now):
        return False
    channel = delivery.channel
    network = access.network_of(channel)
    assert isinstance(network, ReadsInsights)
    try:
        credentials = access.credentials_of(channel)
        with access.client() as client:
            readings = network.post_readings(
                client=client, credentials=credentials, external_id=delivery.external_id
            )
    except (NetworkError, UserError, httpx.HTTPError) as error:
        _failed(delivery, channel, error, now, unwilling)
        return False
    _note(delivery.workspace, SubjectKind.ITEM, delivery.variant_id, channel, readings, now)
    access.note_health(channel=channel, now=now)
    _next(delivery, next_reading(published_at=delivery.published_at or now, now=now))
    return True


def _take(row: Channel | Delivery, now: datetime) -> bool:
    """Move the row's time, if it is still the one we saw: zero rows means that somebody else has it."""
    rows = type(row).objects.filter(pk=row.pk, observe_next_at=row.observe_next_at)
    row.observe_next_at = now + LEASE
    return bool(rows.update(observe_next_at=row.observe_next_at))


def _next(row: Channel | Delivery, at: datetime | None) -> None:
    """Only while the row is still ours: somebody may have asked for fresh numbers or ended the channel."""
    type(row).objects.filter(pk=row.pk, observe_next_at=row.observe_next_at).update(observe_next_at=at)


def _failed(
    row: Channel | Delivery,
    channel: Channel,
    error: NetworkError | UserError | httpx.HTTPError,
    now: datetime,
    unwilling: set[UUID],
) -> None:
    """Note it and look again later. What the network refuses for one post says nothing about the others."""
    later: datetime | None = now + AGAIN
    if isinstance(error, httpx.HTTPError):
        unwilling.add(channel.pk)
    elif isinstance(error, UserError):
        unwilling.add(channel.pk)
        access.note_health(channel=channel, now=now, error=error)
    else:
        access.note_health(channel=channel, now=now, error=error)
        if error.kind is Kind.PERMANENT:
            # Deleted over there, say. Its age decides how long it is worth asking.
            if isinstance(row, Delivery):
                later = next_reading(published_at=row.published_at or now, now=now)
                later = later and max(later, now + AGAIN)
        else:
            unwilling.add(channel.pk)
        if error.retry_at is not None:
            later = max(error.retry_at, now + timedelta(minutes=1))
        elif seconds := error.params.get("seconds"):
            later = now + timedelta(seconds=max(int(seconds), 60))
    log.info("Counters of %s cannot be read: %s", channel.pk, error)
    _next(row, later)


def _note(
    workspace: Workspace,
    subject_kind: SubjectKind,
    subject_id: UUID,
    channel: Channel,
    readings: Sequence[Reading],
    now: datetime,
) -> None:
    """Keep what is new. A counter that says the same again on the same day adds nothing to its history."""
    today = clock.day_start(clock.local_day(now, workspace.time_zone), workspace.time_zone)
    known = {
        row.metric: row.value
        for row in observations(workspace)
        .filter(subject_id=subject_id, observed_at__gte=today, observed_at__lte=now)
        .order_by("observed_at")
    }
    observe_many(
        workspace=workspace,
        source=f"network:{channel.network}",
        observations=[
            NewObservation(subject_kind, subject_id, one.metric, one.value, one.observed_at or now)
            for one in readings
            if known.get(one.metric) != one.value
        ],
        now=now,
    )
