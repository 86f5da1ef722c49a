"""The jobs of first comments. They may be lost or run twice without harm."""

from __future__ import annotations

from procrastinate import JobContext
from procrastinate.contrib.django import app

from spilno.kernel import clock
from spilno.publishing.comments import notices, services


@app.periodic(cron="* * * * *")
@app.task(
    name="comments.post",
    queue="publishing",
    queueing_lock="comments.post",
    lock="comments.post",
    pass_context=True,
)
def post(context: JobContext, timestamp: int) -> None:
    """Post what is due, and write to those whose comments need them."""
    services.work(clock=clock.now, stopping=context.should_abort)
    notices.tell(now=clock.now())
