"""``spilno worker``: one more process that does due work. Start as many as wanted, on as many machines."""

from __future__ import annotations

import os
import signal
import socket
import threading

import typer


def worker() -> None:
    """Do due work until stopped: publish, collect figures, watch checkpoints. Start as many as you like."""
    from spilno.publishing import worker as publishing_worker

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    publishing_worker.run(worker_name=f"{socket.gethostname()}-{os.getpid()}", stop=stop)


def register(app: typer.Typer) -> None:
    app.command()(worker)
