"""Due work of the public pages."""

from __future__ import annotations

from procrastinate.contrib.django import app

from spilno.kernel import clock
from spilno.pages import mail, visits


@app.task(name="pages.send_confirmations", queue="upkeep")
def send_confirmations() -> None:
    """Right after somebody registered. Losing or repeating this is harmless: :func:`look_after` sends the rest."""
    mail.send_due(now=clock.now())


@app.periodic(cron="*/5 * * * *")
@app.task(name="pages.look_after", queue="upkeep", queueing_lock="pages.look_after")
def look_after(timestamp: int) -> None:
    """Send what was left behind; forget visitors."""
    mail.send_due(now=clock.now())
    visits.forget(now=clock.now())
