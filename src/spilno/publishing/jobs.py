"""The job of publishing: the sweep. It may be lost or run twice without harm."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from procrastinate.contrib.django import app

from spilno.kernel import clock
from spilno.publishing import notices, waking
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState

S = DeliveryState


@app.periodic(cron="* * * * *")
@app.task(name="publishing.sweep", queue="publishing", queueing_lock="publishing.sweep")
def sweep(timestamp: int) -> None:
    """Find what was left behind, and have it looked at."""
    if pick_up(now=clock.now()):
        waking.shout()


@app.periodic(cron="* * * * *")
@app.task(name="publishing.tell", queue="publishing", queueing_lock="publishing.tell")
def tell(timestamp: int) -> None:
    """Write to those whose posts need them."""
    notices.tell(now=clock.now(), clock=clock.now)


def pick_up(*, now: datetime) -> int:
    """Give a time to deliveries that are under way and that nobody would look at. Returns how many there were.

    No code path leaves such a row; a restored backup or a hand in the database can.
    """
    under_way = (S.QUEUED, S.PREPARING, S.PREPARED, S.COMMITTING, S.UNCERTAIN, S.WAITING)
    lost = Delivery.objects.filter(Q(next_try_at=None), state__in=under_way)
    return lost.update(next_try_at=now, updated_at=now)
