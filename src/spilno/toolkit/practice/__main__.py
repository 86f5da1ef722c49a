"""``python -m spilno.toolkit.practice``: a practice network in a process of its own, on loopback."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spilno.toolkit.practice.bot_api import PREFIX
from spilno.toolkit.practice.server import VERSION, run
from spilno.toolkit.practice.state import BOT, NETWORKS, State


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m spilno.toolkit.practice",
        description="A practice network: speaks Graph and the Bot API on loopback and shows what was posted.",
    )
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--state", type=Path, required=True, help="JSON file that keeps accounts and posts")
    parser.add_argument("--seed", default="spilno", help="what counters grow from (kept in a new state file)")
    parser.add_argument("--control", action="store_true", help="let /control script faults and add accounts")
    for network in NETWORKS:
        token = f"{BOT}:" if network == "telegram" else ""
        parser.add_argument(
            f"--{network}",
            action="append",
            default=[],
            metavar="NAME",
            help=f"have an account of this name on {network} (token: {token}practice-NAME); may be repeated",
        )
    given = parser.parse_args(arguments)
    try:
        state = State(given.state, seed=given.seed)
        for network in NETWORKS:
            for name in getattr(given, network):
                state.add_account(network=network, name=name)
    except (OSError, ValueError) as error:
        print(f"{given.state}: {error}", file=sys.stderr)
        return 2
    print(
        f"Practice network: http://127.0.0.1:{given.port}/  (Graph: /graph/{VERSION}, bots: {PREFIX})",
        flush=True,
    )
    run(state=state, port=given.port, with_control=given.control)
    return 0


if __name__ == "__main__":
    sys.exit(main())
