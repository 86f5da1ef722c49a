"""Once a day, what nobody needs any more is put away."""

from __future__ import annotations

from procrastinate.contrib.django import app

from spilno.kernel import clock
from spilno.plan.writing import presence, typed


@app.periodic(cron="20 3 * * *")
@app.task(name="writing.sweep", queue="upkeep", queueing_lock="writing.sweep")
def sweep(timestamp: int) -> None:
    """Rows of people who left, and words for which nobody came back."""
    now = clock.now()
    presence.forget(now=now)
    typed.forget_old(now=now)
