"""``make bench``: prints a table and writes build/bench.json.

Times depend on the machine; what has to hold everywhere are the query counts and that nothing grows with history.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tests.screenshots import spilno
from tests.servers.process import free_ports

ROOT = Path(__file__).resolve().parents[1]
RUNS = 15
ITEMS = 2000


def memory_of(process: psutil.Process) -> float:
    """Megabytes that the process and its children really take (proportional set size)."""
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family) / (1 << 20)


def start_and_memory(data: Path) -> dict[str, float]:
    """Seconds from the command to the first page, first and second start; memory of all processes after it."""
    figures: dict[str, float] = {}
    for name in ("first", "second"):
        port, practice = free_ports(2)
        environment = {
            **{
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("SPILNO_", "DATABASE_URL"))
            },
            "SPILNO_DATA": str(data),
            "SPILNO_PORT": str(port),
            "SPILNO_PRACTICE_PORT": str(practice),
        }
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "spilno.config.command", "up"], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/setup/", timeout=5) as answer:
                        answer.read()
                        break
                except OSError:
                    if time.monotonic() - began > 120:
                        raise
                    time.sleep(0.05)
            figures[f"start_to_first_page_{name}_s"] = round(time.monotonic() - began, 2)
            time.sleep(3)  # workers settle
            postmaster = psutil.Process(
                int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
            )
            figures["memory_all_processes_mb"] = round(
                memory_of(psutil.Process(process.pid)) + memory_of(postmaster), 1
            )
        finally:
            process.terminate()
            process.wait(40)
    return figures


def seed(workspace: Any, items: int, now: datetime) -> None:
    """``items`` posts on four channels, spread over the month of ``now``: two thirds published, one third ahead."""
    from spilno.channels.models import Channel
    from spilno.plan.models import Item, Variant
    from spilno.publishing.models import Delivery

    channels = [
        Channel.objects.create(
            workspace=workspace,
            key=f"bench-{items}-{number}",
            network="bluesky",
            name=f"Channel {number}",
            created_at=now,
        )
        for number in range(4)
    ]
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    step = timedelta(days=28) / items
    made = Item.objects.bulk_create(
        Item(
            workspace=workspace, key=f"bench-{items}-{number}", title=f"Допис {number}", text="Текст допису " * 8,
            created_at=now, updated_at=now,
        )
        for number in range(items)
    )  # fmt: skip
    variants = Variant.objects.bulk_create(
        Variant(
            workspace=workspace, item=item, channel=channels[number % 4], publish_at=begin + step * number
        )
        for number, item in enumerate(made)
    )
    Delivery.objects.bulk_create(
        Delivery(
            workspace=workspace, variant=variant, channel_id=variant.channel_id, due_at=variant.publish_at,
            state="published" if variant.publish_at < now else "queued",
            published_at=variant.publish_at if variant.publish_at < now else None,
            created_at=now, updated_at=now,
        )
        for variant in variants
    )  # fmt: skip


def measure(ask: Callable[[], Any]) -> dict[str, float]:
    """Median server time in ms, number of queries, bytes of the answer."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        answer = ask()
    queries = len(captured)  # now: the next request empties the record
    assert answer.status_code == 200, answer.status_code
    times = []
    for _run in range(RUNS):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1000)
    return {"ms": round(statistics.median(times), 1), "queries": queries, "bytes": len(answer.content)}


def pages(data: Path) -> dict[str, dict[str, float]]:
    """Home and calendar with 2,000 items in the month, and again with ten times that in other months."""
    os.environ["SPILNO_DATA"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "spilno.config.settings"
    from spilno.config.command import start_django

    start_django()
    from django.test import Client
    from django.urls import reverse

    from spilno.kernel import clock
    from spilno.team.models import User
    from spilno.team.services import create_workspace

    now = clock.now()
    user = User.objects.create_user("bench@example.org", "correct horse 42", name="Bench")
    workspace = create_workspace(name="Bench", owner=user, now=now)
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    month = now.astimezone(UTC).replace(day=1)
    window = {
        "start": month.date().isoformat(),
        "end": (month + timedelta(days=31)).date().isoformat(),
    }
    asks: dict[str, Callable[[], Any]] = {
        "home": lambda: client.get(reverse("today", args=[workspace.slug])),
        "calendar page": lambda: client.get(reverse("plan", args=[workspace.slug])),
        "calendar month as data": lambda: client.get(reverse("plan-events", args=[workspace.slug]), window),
    }
    figures = {f"{name}, empty": measure(ask) for name, ask in asks.items()}
    seed(workspace, ITEMS, now)
    figures |= {f"{name}, {ITEMS} items in the month": measure(ask) for name, ask in asks.items()}
    for months in range(1, 11):
        seed(workspace, ITEMS + months, now - timedelta(days=31 * months))
    figures |= {f"{name}, ten times the history": measure(ask) for name, ask in asks.items()}
    return figures


def main() -> None:
    # The pages' database runs in this very process and ends with it, after the folder.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        figures: dict[str, Any] = start_and_memory(Path(folder) / "start")
        with spilno(Path(folder) / "demo") as address:
            began = time.monotonic()
            with urllib.request.urlopen(f"{address}/account/login/", timeout=10) as answer:
                answer.read()
            figures["sign_in_page_with_demo_ms"] = round((time.monotonic() - began) * 1000, 1)
        # A process of its own: Django can be loaded for one data folder only.
        delivery = Path(folder) / "delivery.json"
        subprocess.run([sys.executable, "-m", "tests.bench_delivery", "--out", str(delivery)], check=True)
        figures["delivery"] = json.loads(delivery.read_text())
        calendar = Path(folder) / "calendar.json"
        subprocess.run([sys.executable, "-m", "tests.bench_calendar", "--out", str(calendar)], check=True)
        figures["calendar"] = json.loads(calendar.read_text())
        figures["pages"] = pages(Path(folder) / "pages")
    table = Table("what", "time", "queries", "bytes")
    for name, value in figures.items():
        if not isinstance(value, dict):
            table.add_row(name, str(value), "", "")
    for name, row in figures["pages"].items():
        table.add_row(name, f"{row['ms']} ms", str(row["queries"]), f"{row['bytes']:,}")
    for name, row in figures["calendar"].items():
        table.add_row(f"calendar: {name}", f"{row['ms']} ms", str(row["queries"]), f"{row['bytes']:,}")
    Console().print(table)
    table = Table(
        "posts leaving, a network that answers in 50 ms", "per second", "late: half", "99 of 100", "most"
    )
    for name, row in figures["delivery"].items():
        per_second, *late = (row.get(key) for key in ("per_second", "p50_s", "p99_s", "most_s"))
        table.add_row(name, str(per_second or ""), *("" if one is None else f"{one} s" for one in late))
    Console().print(table)
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"made_at": datetime.now(UTC).isoformat(), **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
