"""Due work of the channels."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from procrastinate.contrib.django import app

from spilno.channels.models import Channel, Health
from spilno.channels.services import check_health
from spilno.kernel import clock

EVERY = timedelta(hours=6)


@app.periodic(cron="*/10 * * * *")
@app.task(name="channels.look_after", queue="upkeep", queueing_lock="channels.look_after")
def look_after(timestamp: int) -> None:
    """Ask channels that were not heard of for six hours, and those in trouble, whether they still answer."""
    now = clock.now()
    quiet = Q(health_checked_at__lt=now - EVERY) | Q(health=Health.TROUBLE)
    for channel in Channel.objects.filter(quiet, is_active=True, by_hand=False).exclude(
        health=Health.RECONNECT
    ):
        check_health(channel=channel, now=clock.now())
