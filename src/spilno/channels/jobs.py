"""Due work of the channels. Each of these may be lost or run twice without harm."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from spilno.channels import circuits, hooks, quotas, requirements, tokens
from spilno.channels.models import Channel, Health
from spilno.channels.services import check_health
from spilno.kernel import clock
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.base import ReadsLimits

EVERY = timedelta(hours=6)
LIMITS_EVERY = timedelta(days=1)


@app.periodic(cron="*/10 * * * *")
@app.task(name="channels.look_after", queue="upkeep", queueing_lock="channels.look_after")
def look_after(timestamp: int) -> None:
    """Ask channels that were not heard of for six hours, those in trouble, and one of every server that does not
    answer, whether they answer now."""
    now = clock.now()
    quiet = Q(health_checked_at__lt=now - EVERY) | Q(health=Health.TROUBLE)
    asked = set()
    for channel in Channel.objects.filter(quiet, is_active=True, by_hand=False).exclude(
        health=Health.RECONNECT
    ):
        asked.add((channel.network, channel.server))
        check_health(channel=channel, now=clock.now())
    for one in circuits.silent():
        if (one.network, one.server) not in asked:
            some = Channel.objects.filter(
                network=one.network, server=one.server, is_active=True, by_hand=False
            ).exclude(health=Health.RECONNECT)
            if (channel_ := some.first()) is not None:
                check_health(channel=channel_, now=clock.now())


@app.periodic(cron="* * * * *")
@app.task(name="channels.refresh_tokens", queue="upkeep", queueing_lock="channels.refresh_tokens")
def refresh_tokens(timestamp: int) -> None:
    """Have every token that ends soon made anew, each by a job of its own: one network that hangs stops no other."""
    for one in tokens.due(now=clock.now()):
        with contextlib.suppress(AlreadyEnqueued):
            refresh_token.configure(queueing_lock=f"channels.refresh:{one}").defer(channel_id=str(one))


@app.task(name="channels.refresh_token", queue="upkeep")
def refresh_token(channel_id: str) -> None:
    """Make one channel's token anew."""
    if tokens.refresh(channel_id=UUID(channel_id), now=clock.now()) is tokens.Outcome.REFRESHED:
        hooks.resume([UUID(channel_id)], now=clock.now())


@app.periodic(cron="* * * * *")
@app.task(name="channels.tell", queue="upkeep", queueing_lock="channels.tell")
def tell(timestamp: int) -> None:
    """Mail people about channels that end soon or were revoked."""
    tokens.tell(now=clock.now())


@app.periodic(cron="*/5 * * * *")
@app.task(name="channels.look_ahead", queue="upkeep", queueing_lock="channels.look_ahead")
def look_ahead(timestamp: int) -> None:
    """Ask networks what is left of their limits before posts are due."""
    quotas.look_ahead(now=clock.now())


@app.task(name="channels.read_limits", queue="upkeep")
def read_limits(channel_id: str) -> None:
    """Ask a channel's server for its limits."""
    channel = Channel.objects.filter(pk=channel_id, is_active=True, by_hand=False).first()
    if channel is not None:
        requirements.read_live(channel=channel, now=clock.now())


@app.periodic(cron="17 * * * *")
@app.task(name="channels.read_all_limits", queue="upkeep", queueing_lock="channels.read_all_limits")
def read_all_limits(timestamp: int) -> None:
    """Once a day ask every server for its limits."""
    able = [key for key, net in registry.all_networks().items() if isinstance(net, ReadsLimits)]
    old = Q(limits_read_at=None) | Q(limits_read_at__lt=clock.now() - LIMITS_EVERY)
    rows = Channel.objects.filter(old, network__in=able, is_active=True, by_hand=False)
    for one in rows.exclude(health=Health.RECONNECT).values_list("pk", flat=True):
        with contextlib.suppress(AlreadyEnqueued):
            read_limits.configure(queueing_lock=f"channels.limits:{one}").defer(channel_id=str(one))
