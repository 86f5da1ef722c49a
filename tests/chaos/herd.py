"""Worker processes by the dozen: ``python -m tests.chaos.herd``.

Starting Python and Django costs a second or two of a core; with a kill every second nothing else would ever run. So
one process loads Spilno once and forks: each child runs what ``spilno worker`` runs, has its own connections,
threads and leases, and dies by kill −9 as any process dies.

A line on standard input starts one: ``{"skew": SECONDS, "jump_after": SECONDS}`` (its clock is wrong by so much, from
so long after its start on); its process id is the answer. When standard input ends, all of them end.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import time
from datetime import timedelta
from typing import Any

_PR_SET_PDEATHSIG = 1


def _child(order: dict[str, Any]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    from spilno.config.work import worker
    from spilno.kernel import clock
    from spilno.publishing import ledger, reconcile

    if skew := order.get("skew"):
        right, jumps_at = clock.now, time.monotonic() + order.get("jump_after", 0)
        clock.now = lambda: right() + timedelta(seconds=skew if time.monotonic() >= jumps_at else 0)
    # The small run in the tests cannot wait for a minute; `make chaos` leaves both as they are.
    if lease := order.get("lease"):
        ledger.LEASE = timedelta(seconds=lease)
    if settle := order.get("settle"):
        reconcile.SETTLE = timedelta(seconds=settle)
    worker()


def main() -> None:
    """Fork a worker for every line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spilno.config.settings")
    import django

    django.setup()
    from spilno.toolkit.networks import registry

    registry.all_networks()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                _child(json.loads(line))
                status = 0
            except BaseException as error:
                print(f"worker {os.getpid()}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(status)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
