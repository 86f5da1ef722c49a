"""Due work of the contingency plans."""

from __future__ import annotations

from procrastinate.contrib.django import app

from spilno.contingency import mail, services
from spilno.kernel import clock


@app.periodic(cron="* * * * *")
@app.task(name="contingency.check", queue="upkeep", queueing_lock="contingency.check")
def check(timestamp: int) -> None:
    """Every minute: look at the checkpoints whose moment has come, and mail what was left behind."""
    services.check_due(now=clock.now())
    mail.send_due(now=clock.now())


@app.task(name="contingency.send_reminders", queue="upkeep")
def send_reminders() -> None:
    """Right after a decision. Losing or repeating this is harmless: :func:`check` sends what is still waiting."""
    mail.send_due(now=clock.now())
