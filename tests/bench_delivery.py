"""How fast and how punctually posts leave (part of ``make bench``; alone: ``python -m tests.bench_delivery``).

The network is a small server that speaks as much of the Matrix protocol as publishing needs, takes 50 ms for every
answer, and notes when each post arrived: lateness is measured there, against the time that was asked for. Posts are
scheduled by the services that people's clicks call, workers are ``spilno worker`` processes as they are.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.chaos import house

ANSWERS_IN = 0.05
CHANNELS = 128
"""For each measurement others: what a network allows a channel in a minute shall not be what is measured."""
HISTORY = 100_000
CHUNK = 2_000


class Network:
    """Answers every request after 50 ms, on as many connections as there are; ``arrived``: key → Unix time.

    ``hurries``: answers at once, while channels are being connected.
    """

    def __init__(self) -> None:
        self.hurries = False
        self.arrived: dict[str, float] = {}
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                now = time.time()
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                if length:
                    await reader.readexactly(int(length.group(1)))
                path = head.split(b" ", 2)[1].decode()
                if not self.hurries:
                    await asyncio.sleep(ANSWERS_IN)
                status, content = self._answer(path, now)
                body = json.dumps(content).encode()
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        writer.close()

    def _answer(self, path: str, now: float) -> tuple[str, dict[str, Any]]:
        parts = path.partition("?")[0].split("/")
        if "/send/" in path:
            key = unquote(parts[-1])
            self.arrived.setdefault(key, now)
            return "200 OK", {"event_id": f"${key}"}
        if path.endswith("/whoami"):
            return "200 OK", {"user_id": "@bench:example.org"}
        if "/join/" in path:
            return "200 OK", {"room_id": unquote(parts[-1])}
        if "/joined_members" in path:
            return "200 OK", {"joined": {}}
        if "/relations/" in path or "/messages" in path:
            return "200 OK", {"chunk": []}
        return "404 Not Found", {"errcode": "M_NOT_FOUND", "error": "Not found"}


class Bench:
    """One Spilno with one workspace."""

    def __init__(self, folder: Path) -> None:
        from spilno.kernel import clock
        from spilno.team.models import Person, User
        from spilno.team.services import create_workspace

        self.folder, self.network, now = folder, Network(), clock.now()
        user = User.objects.create_user("bench@example.org", "correct horse 42", name="Bench")
        self.workspace = create_workspace(name="Bench", owner=user, now=now)
        self.person = Person.objects.get(workspace=self.workspace, is_owner=True)
        self.channels: list[Any] = []
        self.rooms = 0
        self.pace = 0.0  # seconds that scheduling a post took last
        self.connect()

    def connect(self) -> None:
        """``CHANNELS`` channels that nothing was sent through yet."""
        from spilno.channels import services as channels
        from spilno.kernel import clock

        self.channels.clear()
        self.network.hurries = True
        for _ in range(CHANNELS):
            self.rooms += 1
            channel = channels.connect(
                workspace=self.workspace, by=self.person, now=clock.now(), network="matrix",
                name=f"Room {self.rooms}", purpose="brand",
                credentials={
                    "homeserver": self.network.url, "room": f"!{self.rooms}:example.org",
                    "access_token": "a-token",
                },
            )  # fmt: skip
            self.channels.append(channel)
        self.network.hurries = False

    def schedule(self, moments: list[Any]) -> dict[str, float]:
        """A post for every moment (aware), round the channels. Returns key → Unix time when it shall be out."""
        from spilno.kernel import clock
        from spilno.plan.services import Draft, VariantDraft
        from spilno.publishing import composition
        from spilno.publishing.models import Delivery

        items, began = [], time.monotonic()
        for number, moment in enumerate(moments):
            variant = VariantDraft(self.channels[number % CHANNELS], "message", publish_at=moment)
            draft = Draft(text=f"Допис {number} о {moment:%H:%M:%S}", variants=[variant])
            item = composition.save(
                workspace=self.workspace, draft=draft, by=self.person, now=clock.now(),
                action=composition.Action.SCHEDULE,
            )  # fmt: skip
            items.append(item.pk)
        self.pace = (time.monotonic() - began) / len(moments)
        rows = Delivery.objects.filter(variant__item__in=items).values_list("pk", "due_at")
        return {str(pk): due.timestamp() for pk, due in rows}

    @contextlib.contextmanager
    def workers(self, count: int) -> Iterator[None]:
        """``spilno worker``, so many times; at work when this is entered."""
        from django.db import connection

        with (self.folder / "workers.log").open("ab") as output:
            running = [
                subprocess.Popen(
                    [sys.executable, "-m", "spilno.config.command", "worker"], stdout=output, stderr=output
                )
                for _ in range(count)
            ]
        try:
            listening = 0
            while listening < count:
                time.sleep(0.1)
                with connection.cursor() as cursor:
                    # The last that each says when it has connected (publishing.worker).
                    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN spilno%'")
                    (listening,) = cursor.fetchone()
            self.until_idle()
            yield
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.wait(40)

    def until_idle(self, seconds: float = 180) -> None:
        """Wait until the workers have done what is asked for when channels are connected (limits, figures)."""
        from django.db import connection

        end, left = time.monotonic() + seconds, 1
        while left and time.monotonic() < end:
            time.sleep(0.2)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM procrastinate_jobs"
                    " WHERE status = 'doing' OR (status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))"
                )
                (left,) = cursor.fetchone()

    def until_out(self, due: dict[str, float], seconds: float = 180) -> None:
        """Wait until all of them have arrived."""
        end = time.monotonic() + seconds
        while not due.keys() <= self.network.arrived.keys():
            if time.monotonic() > end:
                raise TimeoutError(f"{len(due.keys() - self.network.arrived.keys())} posts did not leave")
            time.sleep(0.1)

    def per_second(self, count: int, workers: int) -> dict[str, float]:
        """All at once posts of the last minutes are due, not prepared: from the first arrival to the last."""
        from django.db.models import F

        from spilno.kernel import clock
        from spilno.publishing import waking
        from spilno.publishing.models import Delivery

        self.connect()
        later = clock.now() + timedelta(hours=1)
        due = self.schedule([later - timedelta(seconds=one % 900) for one in range(count)])
        with self.workers(workers):
            hour = timedelta(hours=1)
            Delivery.objects.filter(pk__in=due).update(
                due_at=F("due_at") - hour, next_try_at=F("next_try_at") - hour
            )
            waking.shout()
            self.until_out(due)
        arrived = sorted(self.network.arrived[key] for key in due)
        return {"per_second": round((count - 1) / (arrived[-1] - arrived[0]), 1)}

    def lateness(self, moments: list[float], workers: int = 4) -> dict[str, float]:
        """How late posts arrive whose times (in seconds after all are scheduled) come while workers run."""
        from spilno.kernel import clock

        self.connect()
        with self.workers(workers):
            ahead = 10 + 2.5 * self.pace * len(moments)  # the workers take their share while we schedule
            begin = clock.now() + timedelta(seconds=ahead)
            due = self.schedule([begin + timedelta(seconds=one) for one in moments])
            if clock.now() > begin:
                raise RuntimeError("scheduling took longer than the time that was planned for it")
            self.until_out(due)
        late = sorted(self.network.arrived[key] - moment for key, moment in due.items())
        assert late[0] > -0.01, late[0]
        return {
            "p50_s": round(late[len(late) // 2], 3),
            "p99_s": round(late[int(len(late) * 0.99)], 3),
            "most_s": round(late[-1], 3),
        }

    def history(self, count: int) -> None:
        """Published posts of the past two years, with their attempts."""
        from spilno.kernel import clock
        from spilno.plan.models import Item, Variant
        from spilno.publishing.models import Attempt, Delivery

        now = clock.now()
        for first in range(0, count, CHUNK):
            at = [now - timedelta(days=1, seconds=600 * (first + one)) for one in range(CHUNK)]
            items = Item.objects.bulk_create(
                Item(workspace=self.workspace, key=f"old-{first + one}", text="Текст допису " * 8,
                     created_at=at[one], updated_at=at[one])
                for one in range(CHUNK)
            )  # fmt: skip
            variants = Variant.objects.bulk_create(
                Variant(workspace=self.workspace, item=item, channel=self.channels[one % CHANNELS],
                        placement="message", publish_at=at[one])
                for one, item in enumerate(items)
            )  # fmt: skip
            deliveries = Delivery.objects.bulk_create(
                Delivery(workspace=self.workspace, variant=variant, channel_id=variant.channel_id,
                         state="published", due_at=at[one], published_at=at[one], external_id=f"$old{first + one}",
                         created_at=at[one], updated_at=at[one])
                for one, variant in enumerate(variants)
            )  # fmt: skip
            Attempt.objects.bulk_create(
                Attempt(delivery=delivery, number=number, step=step, worker="old", started_at=at[one],
                        finished_at=at[one], outcome="ok")
                for one, delivery in enumerate(deliveries)
                for number, step in ((1, "prepare"), (2, "commit"))
            )  # fmt: skip
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    def measure(self, scale: float) -> dict[str, dict[str, float]]:
        """All figures; ``scale`` below 1 measures on fewer posts."""
        few, many = int(400 * scale), int(1000 * scale)
        spread = [number / 20 for number in range(int(600 * scale))]
        burst = [number / many for number in range(many)]
        return {
            f"{few} due already, 1 worker": self.per_second(few, 1),
            f"{many} due already, 4 workers": self.per_second(many, 4),
            "20 due per second": self.lateness(spread),
            f"{many} due in one second": self.lateness(burst),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="below 1: fewer posts, for a quick look")
    parser.add_argument("--history", type=int, default=HISTORY)
    parser.add_argument("--out", type=Path, help="write JSON there instead of printing it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spilno-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        house.prepare(folder)
        os.environ.setdefault("PYTHONUNBUFFERED", "1")
        bench = Bench(folder)
        figures = bench.measure(given.scale)
        if given.history:
            bench.history(given.history)
            after = bench.measure(given.scale)
            figures |= {f"{what}, {given.history:,} in the past": row for what, row in after.items()}
        if given.out:
            given.out.write_text(json.dumps(figures))
        else:
            print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
