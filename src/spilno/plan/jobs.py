"""The jobs of the plan: files are converted ahead of time, letters about approvals and comments leave.

They may be lost or run twice without harm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from procrastinate import JobContext
from procrastinate.contrib.django import app

from spilno.kernel import clock
from spilno.plan import renditions
from spilno.plan.approvals import letters as approval_letters
from spilno.plan.comments import letters as comment_letters

KINDS = ("image", "video")
_AT_IT = {kind: threading.Lock() for kind in KINDS}
"""One conversion of a kind at a time in a process: pictures do not wait for a film, films not eat the machine."""


@app.task(name="plan.make", queue="media", pass_context=True)
def make(context: JobContext, kind: str) -> None:
    """Convert what is to be converted of a kind."""
    run(kind, stopping=context.should_abort)


def run(kind: str, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Work until nothing is left, unless this process is at it already. Returns how many were made."""
    done = 0
    # Looked at once more after letting go: what was added meanwhile found us busy and went away.
    while renditions.pending(kind=kind, now=clock.now()) and _AT_IT[kind].acquire(blocking=False):
        try:
            made = renditions.work(kind=kind, clock=clock.now, stopping=stopping)
        finally:
            _AT_IT[kind].release()
        done += made
        if not made or stopping():
            break
    return done


@app.periodic(cron="* * * * *")
@app.task(name="plan.sweep_media", queue="media", queueing_lock="plan.sweep_media")
def sweep(timestamp: int) -> None:
    """Find what was left behind, and have it made; once a day put away what is old."""
    now = clock.now()
    renditions.sweep(now=now)
    for kind in KINDS:
        if renditions.pending(kind=kind, now=now):
            renditions.wake(kind)
    if datetime.fromtimestamp(timestamp, UTC).strftime("%H:%M") == "03:30":
        renditions.forget(now=now)


@app.periodic(cron="* * * * *")
@app.task(name="plan.tell", queue="publishing", queueing_lock="plan.tell")
def tell(timestamp: int) -> None:
    """Write to those who are asked for approval, and to those whom a comment concerns."""
    now = clock.now()
    approval_letters.tell(now=now)
    comment_letters.tell(now=now)
