"""`python -m tests.servers NAME…` runs servers till Ctrl-C; `python -m tests.servers install` fetches all."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import debian
from .process import ServerError

NAMES = ("bluesky", "synapse", "mastodon", "mail")


def install() -> None:
    """Fetch everything the servers need: Debian packages, npm packages, Synapse. Says what it did.

    Raises ServerError if something cannot be had.
    """
    from . import bluesky, synapse

    def timed(name: str, step: Callable[[], object]) -> None:
        begun = time.monotonic()
        print(f"{name}: {step()} ({time.monotonic() - begun:.1f} s)", flush=True)

    # Debian's first: the others may need its compiler. Those two do not share anything.
    timed("Debian packages", lambda: " ".join(debian.need(*debian.PACKAGES)) or "all there")
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(timed, "Bluesky test network", bluesky.ensure),
            pool.submit(timed, "Synapse", synapse.ensure),
        ]
    for job in jobs:
        job.result()


def serve(names: list[str]) -> None:
    """Start these servers, print a line of JSON for each, and wait for Ctrl-C or SIGTERM."""
    running: list[Any] = []

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    try:
        for name in names:
            server = importlib.import_module(f"{__package__}.{name}").start()
            running.append(server)
            print(json.dumps(server.as_json()), flush=True)
        while True:
            signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        for server in reversed(running):
            server.stop()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("what", nargs="+", choices=(*NAMES, "all", "install"), metavar="install|all|NAME",
                        help=f"servers: {', '.join(NAMES)}")  # fmt: skip
    what = parser.parse_args().what
    try:
        if "install" in what:
            install()
        names = list(NAMES) if "all" in what else [name for name in NAMES if name in what]
        if names:
            serve(names)
    except ServerError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
