"""A worker that is killed in the middle of a film: nothing stands still, nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.core.files.storage import default_storage

from spilno.kernel import clock
from spilno.plan import media as room
from spilno.plan import queries, renditions, services, stored
from spilno.plan.models import Rendition
from tests.conftest import Cast
from tests.plan.conftest import make_channel
from tests.plan.test_items import make_item
from tests.publishing.test_killed import database_address, until
from tests.toolkit.media.films import film

WORKER = """
import django
django.setup()
from spilno.kernel import clock
from spilno.plan import renditions
print(renditions.work(kind="video", clock=clock.now), flush=True)
"""


def conversions_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [
        one
        for one in psutil.Process(process.pid).children(recursive=True)
        if "spilno.toolkit.media.bounded" in one.cmdline()
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_dies_in_the_middle(cast: Cast, tmp_path: Path, number: signal.Signals) -> None:
    now = clock.now()
    # Another codec than networks take, and long enough to be met at work.
    source = film(tmp_path / "a.mp4", seconds=12, size=(1280, 720), fps=20, codec="mpeg4", audio="")
    with source.open("rb") as content:
        media = services.store_media(
            workspace=cast.workspace, by=cast.owner, now=now, name="a.mp4", content=content
        )
    variant = services.put_variant(
        item=make_item(cast, "x", media=[media]), channel=make_channel(cast, "telegram"), by=cast.owner, now=now,
        publish_at=now + timedelta(hours=1),
    )  # fmt: skip
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "spilno.config.settings",
        "DATABASE_URL": database_address(),
        "SPILNO_DATA": str(tmp_path / "data"),
        "SPILNO_SECRET_KEY": settings.SECRET_KEY,
        "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
    }
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "files").symlink_to(default_storage.location)  # type: ignore[attr-defined]
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        until(lambda: process.poll() is not None or bool(conversions_of(process)))
        (child,) = conversions_of(process)
        if number == signal.SIGKILL:
            process.kill()  # the worker alone: its child has to notice by itself
        else:
            os.killpg(process.pid, signal.SIGTERM)  # as the supervisor and systemd do
        process.wait(30)
        until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    row = Rendition.objects.get()
    assert row.state == Rendition.State.PENDING
    assert row.lease_until is not None
    assert not renditions.pending(kind="video", now=clock.now()), "the dead one's lease still holds"
    later = row.lease_until + timedelta(seconds=1)
    assert renditions.work(kind="video", clock=lambda: later) == 1
    row.refresh_from_db()
    assert (row.state, row.tries) == (Rendition.State.READY, 2)
    (file,) = queries.outgoing(variant=variant, key="k", now=now).media
    assert room.facts_of(media).seconds == file.seconds
    assert stored.exists(row.file)
