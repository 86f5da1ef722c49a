"""A worker process, killed with the request on its way: the next one finds out and never sends twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from spilno.channels import services
from spilno.kernel import clock
from spilno.publishing import engine, ledger
from spilno.publishing.models import Delivery
from spilno.publishing.states import DeliveryState as S
from spilno.toolkit.practice import start
from tests.publishing.stage import Stage

WORKER = """
import threading
import django
django.setup()
from spilno.publishing import worker
worker.run(worker_name="killed", stop=threading.Event())
"""


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def database_address() -> str:
    """The test database, as another process is told of it."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before"])
def test_kill_nine_while_the_request_is_on_its_way(stage: Stage, tmp_path: Path, fault: str) -> None:
    stage.clock.at = clock.now()
    with start(state=tmp_path / "state.json", seed="killed") as practice:
        account = practice.state.add_account(network="facebook", name="books")
        channel = services.connect(
            workspace=stage.cast.workspace, by=stage.cast.owner, now=stage.clock.at, network="facebook_page",
            name="", purpose="brand",
            credentials={"access_token": "practice-books", "graph_url": practice.graph_url},
        )  # fmt: skip
        # The switch hangs: the server acted (or did not), and the worker waits for the answer.
        practice.faults.add(fault, r"POST /graph/v23.0/\d+(_\d+)?$")
        delivery = stage.delivery(channel, text="Once", due=stage.clock.at)
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "spilno.config.settings",
            "DATABASE_URL": database_address(),
            "SPILNO_DATA": str(settings.DATA),
            "SPILNO_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        process = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
        try:
            until(lambda: bool(practice.faults.happened))
            until(lambda: Delivery.objects.filter(pk=delivery.pk, state=S.COMMITTING).exists())
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        stage.clock.at = clock.now()
        assert engine.run_due(now=stage.clock.at, worker="next") == 0  # the dead one's lease still holds
        stage.clock.at += ledger.LEASE + timedelta(seconds=1)
        stage.play(worker="next")
        done = Delivery.objects.get(pk=delivery.pk)
        assert done.state == S.PUBLISHED
        assert len(practice.state.posts_of(account)) == 1
        steps = list(done.attempts.values_list("step", "outcome"))
        assert ("commit", "interrupted") in steps
        assert ("find", "found" if fault == "timeout_after" else "absent") in steps
