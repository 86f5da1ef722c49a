"""The PostgreSQL and the Redis that the Bluesky AppView needs: own, empty, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from tests.servers.debian import need, postgresql_programs
from tests.servers.process import ServerProcess, run


@dataclass
class Stores:
    """Addresses as the AppView wants them, and the processes behind them."""

    postgres_url: str
    redis_address: str
    processes: list[ServerProcess]

    def stop(self) -> None:
        """End both."""
        for process in self.processes:
            process.stop()


def _postgres_user() -> str | None:
    """PostgreSQL refuses to run as root: then we take the user that its Debian package made."""
    return "postgres" if os.geteuid() == 0 else None


def start_stores(folder: Path, *, postgres_port: int, redis_port: int) -> Stores:
    """Start both on 127.0.0.1 with data under `folder`; returns when both answer.

    They keep nothing on disk that would survive a crash (no fsync, no snapshots): only speed counts.
    """
    need("postgresql", "redis-server")
    redis_folder = folder / "redis"
    redis_folder.mkdir()
    redis = ServerProcess(
        "Redis",
        [
            "redis-server", "--bind", "127.0.0.1", "--port", str(redis_port), "--dir", redis_folder,
            "--save", "", "--appendonly", "no", "--daemonize", "no",
        ],
        log=folder / "redis.log",
    )  # fmt: skip
    postgres = None
    try:
        postgres = _start_postgres(folder, postgres_port)
        redis.wait_until(lambda: _redis_answers(redis_port), timeout=20)
        postgres.wait_until(lambda: _postgres_accepts(folder), timeout=60)
    except BaseException:
        redis.stop()
        if postgres is not None:
            postgres.stop()
        raise
    return Stores(
        postgres_url=f"postgresql://postgres@127.0.0.1:{postgres_port}/postgres",
        redis_address=f"127.0.0.1:{redis_port}",
        processes=[postgres, redis],
    )


def _start_postgres(folder: Path, port: int) -> ServerProcess:
    programs = postgresql_programs()
    data = folder / "postgres"
    data.mkdir(mode=0o700)
    user = _postgres_user()
    if user:
        shutil.chown(data, user)
    run(
        [
            programs / "initdb", "-D", data, "--username=postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--no-sync", "--no-instructions",
        ],
        what="initdb", user=user, cwd=data,
    )  # fmt: skip
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "shared_buffers": "32MB",
        "max_connections": 60,
        "autovacuum": "off",
    }
    argv: list[str | Path] = [programs / "postgres", "-D", data]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    # SIGINT is PostgreSQL's "fast" shutdown: it does not wait for clients to leave.
    return ServerProcess(
        "PostgreSQL", argv, log=folder / "postgres.log", cwd=data, user=user, stop_signal=signal.SIGINT
    )


def _redis_answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")


def _postgres_accepts(folder: Path) -> bool:
    # The server writes "ready" into its pid file only once connections are served.
    pid_file = folder / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    return len(lines) >= 8 and lines[7].strip() == "ready"
