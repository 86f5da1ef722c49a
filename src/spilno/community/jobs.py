"""Due work of the community room. Watches say themselves when they are due: repeating a job is harmless."""

from __future__ import annotations

from procrastinate.contrib.django import app

from spilno.community import collect
from spilno.kernel import clock


@app.periodic(cron="* * * * *")
@app.task(name="community.listen", queue="upkeep", queueing_lock="community.listen")
def listen(timestamp: int) -> None:
    """Every minute: read the conversations whose time has come."""
    collect.due(now=clock.now())
