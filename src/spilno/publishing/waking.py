"""Telling workers that there is something to do. Never needed for correctness: rows are the truth."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from procrastinate.contrib.django import app

from spilno.publishing.models import Delivery

CHANNEL = "spilno_publishing"
"""PostgreSQL notification channel on which workers listen."""

TASK = "publishing.wake"


def shout() -> None:
    """Wake the workers' due loops, once the surrounding transaction is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def wake(delivery: Delivery, *, at: datetime | None, now: datetime) -> None:
    """Enqueue a job that looks at the delivery at ``at``, in the same transaction as the change it follows."""
    if at is None:
        return
    job = app.configure_task(TASK, queue="publishing", schedule_at=at if at > now else None)
    job.defer(delivery_id=str(delivery.pk))
    shout()
