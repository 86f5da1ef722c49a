"""Ends servers and removes their folders when the process that started them has gone.

Run as a script of its own, with the standard library only; the starting process holds the other
end of stdin. Whatever way that process ends (also by SIGKILL), stdin closes, and then everything
still on the list is ended. Lines understood on stdin:

    watch PGID SIGNAL   end this process group, first with SIGNAL, then with SIGKILL
    forget PGID         it has been ended already
    remove FOLDER       remove this folder at the end
    removed FOLDER      it has been removed already
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time

#: Seconds a server gets to end by itself before it is killed.
PATIENCE = 5.0


def alive(pgid: int) -> bool:
    """True while a process of the group `pgid` exists."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main() -> None:
    """Read the list until stdin closes, then end and remove what is left on it."""
    # Ctrl-C goes to whoever started the servers; this process must outlive it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    folders: set[str] = set()
    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        if verb == "watch":
            pgid, _, number_text = rest.partition(" ")
            groups[int(pgid)] = int(number_text)
        elif verb == "forget":
            groups.pop(int(rest), None)
        elif verb == "remove":
            folders.add(rest)
        elif verb == "removed":
            folders.discard(rest)
    for pgid, first in groups.items():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pgid, first)
    deadline = time.monotonic() + PATIENCE
    while any(alive(pgid) for pgid in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pgid in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pgid, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
