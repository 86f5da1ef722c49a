"""The calendar with more and more posts in a month: server time, queries and bytes. Part of ``make bench``."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.bench import measure, seed

SIZES = (100, 500, 2_000, 5_000)
HISTORY = 2_000  # posts in each of the ten months before, for the last line


def figures(data: Path) -> dict[str, dict[str, float]]:
    """By view and size: median milliseconds of the server, queries, bytes (as sent without compression)."""
    os.environ["SPILNO_DATA"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "spilno.config.settings"
    from spilno.config.command import start_django

    start_django()
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from spilno.channels.models import Channel
    from spilno.kernel import clock
    from spilno.plan.models import PostingSlot
    from spilno.plan.schedule import PRESETS
    from spilno.team.models import User
    from spilno.team.services import create_workspace

    call_command("migrate", verbosity=0)
    now = clock.now()
    user = User.objects.create_user("bench@example.org", "correct horse 42", name="Bench")
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")

    def made(slug: str, items: int) -> Any:
        workspace = create_workspace(name=slug, slug=slug, owner=user, now=now)
        seed(workspace, items, now)
        PostingSlot.objects.bulk_create(
            PostingSlot(workspace=workspace, channel=channel, weekday=day, at=at)
            for channel in Channel.objects.filter(workspace=workspace)
            for day, at in PRESETS["workdays"]
        )
        return workspace

    def analyse() -> None:
        # What the database does by itself after a while, and must know before it is asked.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    first = now.replace(day=1).date()
    month = {"start": first.isoformat(), "end": (first + timedelta(days=31)).isoformat()}
    middle = first + timedelta(days=14 - (first + timedelta(days=14)).weekday())
    week = {"start": middle.isoformat(), "end": (middle + timedelta(days=7)).isoformat()}

    def asks(slug: str) -> dict[str, Callable[[], Any]]:
        def get(name: str, **query: str) -> Callable[[], Any]:
            return lambda: client.get(reverse(name, args=[slug]), query)

        return {
            "page": get("plan", view="month"),
            "month as data": get("plan-events", view="month", **month),
            "week as data": get("plan-events", view="week", **week),
            "list": get("plan", view="list"),
            "board": get("plan", view="board"),
            "lanes": get("plan", view="lanes"),
            "what is pointed out": get("plan-hints", **month),
        }

    found: dict[str, dict[str, float]] = {}
    for size in SIZES:
        made(f"bench-{size}", size)
        analyse()
        for name, ask in asks(f"bench-{size}").items():
            ask()  # what one looked at is remembered
            found[f"{name}, {size} posts in the month"] = measure(ask)
    workspace = made("bench-history", HISTORY)
    for months in range(1, 11):
        seed(workspace, HISTORY + months, now - timedelta(days=31 * months))
    analyse()
    for name, ask in asks("bench-history").items():
        ask()
        found[f"{name}, {HISTORY} posts and ten times that before"] = measure(ask)
    return found


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("--out", type=Path, required=True)
    out = reader.parse_args().out
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        out.write_text(json.dumps(figures(Path(folder) / "calendar"), indent=2))


if __name__ == "__main__":
    main()
