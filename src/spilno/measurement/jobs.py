"""Due work of measurement. Rows say themselves when they are due: losing or repeating a job is harmless."""

from __future__ import annotations

from procrastinate.contrib.django import app

from spilno.kernel import clock
from spilno.measurement import collect


@app.periodic(cron="* * * * *")
@app.task(name="measurement.collect", queue="upkeep", queueing_lock="measurement.collect")
def collect_due(timestamp: int) -> None:
    """Every minute: read the counters whose time has come."""
    collect.due(now=clock.now())


@app.task(name="measurement.collect_now", queue="upkeep")
def collect_now() -> None:
    """Right after somebody asked for fresh numbers."""
    collect.due(now=clock.now())
