"""``python -m tests.chaos --minutes 5``: kill −9 and faults for so long, then count. Writes build/chaos.json."""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.servers.process import REPOSITORY, temporary_folder

A_MINUTE = 240
"""Deliveries per minute of chaos: 1,200 in five minutes."""

KILLS_A_MINUTE = 48


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=5, help="how long things go wrong; settling comes on top"
    )
    parser.add_argument("--seed", default="", help="the seed of an earlier run, to repeat its faults")
    parser.add_argument("--deliveries", type=int, default=0, help="default: 240 for every minute")
    parser.add_argument("--kills", type=int, default=0, help="at least; default: 48 for every minute")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--small", action="store_true", help="practice networks only, short leases")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "chaos.json")
    parser.add_argument("--keep", action="store_true", help="leave the data folder for whoever wants to look")
    given = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    seed = given.seed or str(secrets.randbelow(1_000_000))
    console.print(f"Seed {seed}: repeat with --seed {seed}")

    from tests.chaos.run import Plan, chaos

    plan = Plan(
        seconds=given.minutes * 60,
        deliveries=given.deliveries or max(60, round(A_MINUTE * given.minutes)),
        kills=given.kills or max(8, round(KILLS_A_MINUTE * given.minutes)),
        workers=given.workers, accounts=2 if given.small else 6, seed=seed, small=given.small,
    )  # fmt: skip
    folder = temporary_folder("chaos")
    outcome = chaos(plan, folder, console.print)
    if given.keep:
        kept = given.out.with_suffix(".data")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("postgres", "*.sock"))
        console.print(f"Logs: {kept}")

    table = Table("network", "posts", "twice", "faults", "which")
    for name, row in outcome.by_network.items():
        which = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.faults[name].items()))
        table.add_row(name, str(row["posts"]), str(row["twice"]), str(row["faults"]), which)
    console.print(table)
    console.print(
        f"Rows: {', '.join(f'{state} {count}' for state, count in sorted(outcome.states.items()))}; "
        f"PostgreSQL restarted {outcome.restarts} times; {outcome.jumps} workers had a wrong clock; "
        f"{outcome.asked_in_vain} times a person was asked although the network can tell"
    )
    for one in (*outcome.wrong_rows, *outcome.telling):
        console.print(f"[red]{one}[/]", markup=True)
    table = Table(*outcome.figures)
    table.add_row(*(str(one) for one in outcome.figures.values()))
    console.print(table)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(outcome.figures) + "\n")
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
