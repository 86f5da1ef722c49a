"""Jobs of publishing: wake-ups and the sweep. Each may be lost or run twice without harm."""

from __future__ import annotations

import socket
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from procrastinate.contrib.django import app

from spilno.kernel import clock
from spilno.publishing import engine, waking
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState

S = DeliveryState


def _worker() -> str:
    return f"{socket.gethostname()}:job"


@app.task(name=waking.TASK, queue="publishing")
def wake(delivery_id: str) -> None:
    """Look at one delivery now."""
    engine.advance(delivery_id=UUID(delivery_id), now=clock.now(), worker=_worker(), clock=clock.now)


@app.periodic(cron="* * * * *")
@app.task(name="publishing.sweep", queue="publishing", queueing_lock="publishing.sweep")
def sweep(timestamp: int) -> None:
    """Find what was left behind."""
    now = clock.now()
    pick_up(now=now)
    engine.run_due(now=now, worker=_worker(), clock=clock.now)


def pick_up(*, now: datetime) -> int:
    """Give a time to deliveries that are under way and that nobody would look at. Returns how many there were.

    No code path leaves such a row; a restored backup or a hand in the database can.
    """
    under_way = (S.QUEUED, S.PREPARING, S.PREPARED, S.COMMITTING, S.UNCERTAIN, S.WAITING)
    lost = Delivery.objects.filter(Q(next_try_at=None), state__in=under_way)
    return lost.update(next_try_at=now, updated_at=now)
