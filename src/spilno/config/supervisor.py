"""``spilno up``: one process that starts all others, restarts what dies and leaves nothing behind."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Annotated, TextIO

import typer
from rich.console import Console

from spilno.config.database import writable_data_folder
from spilno.config.env import read

console = Console()

_PR_SET_PDEATHSIG = 1
_LONGEST_PAUSE = 30.0  # seconds between restarts of something that keeps dying


def _die_with_parent() -> None:
    """In the child, before it becomes its program: the kernel ends it when the supervisor is killed.

    A group of its own keeps Ctrl-C in the terminal from reaching it before the supervisor says so.
    """
    os.setpgrp()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


@dataclass
class Child:
    """One kept-alive process. ``wanted`` may turn true later (the practice networks start with the demo)."""

    name: str
    command: list[str]
    needs_file: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = 0.5
    not_before: float = field(default=0.0)

    def keep_alive(self) -> None:
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            lived = time.monotonic() - self.started_at
            self.pause = 0.5 if lived > 60 else min(self.pause * 2, _LONGEST_PAUSE)
            self.not_before = time.monotonic() + self.pause
            console.print(f"[yellow]{self.name} ended ({code}); starting it again in {self.pause:g} s[/]")
            self.process = None
        if time.monotonic() < self.not_before or (self.needs_file and not self.needs_file.exists()):
            return
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.command, preexec_fn=_die_with_parent, stdin=subprocess.DEVNULL
        )  # the child's program, not a shell

    def stop(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


class Trouble(Exception):
    """One line for the person who typed the command."""


def take_lock(folder: Path) -> TextIO:
    """The lock of this data folder, held until the file is closed.

    :raises Trouble: if another ``spilno up`` has it.
    """
    file = (folder / "up.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        pid = file.read().strip() or "unknown"
        file.close()
        raise Trouble(
            f"Spilno already runs on the data in {folder} (process {pid}). Stop it first, or give another SPILNO_DATA."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def check_port(host: str, port: int, setting: str) -> None:
    """:raises Trouble: if something listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Trouble(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another one: {setting}={port + 1}"
            ) from None


def port_of(setting: str) -> int:
    """:raises Trouble: if the setting is no port number."""
    text = read(setting)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Trouble(f"{setting} is {text!r}; it must be a port number between 1 and 65535.")
    return int(text)


class Supervisor:
    def __init__(self, children: list[Child], address: str) -> None:
        self.children = children
        self.address = address
        self.stopping = False

    def ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def run(self) -> None:
        """Until SIGINT or SIGTERM. Prints the address when the web server really answers."""
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, self.ask_to_stop)
        told = False
        try:
            while not self.stopping:
                for child in self.children:
                    child.keep_alive()
                if not told and self._answers():
                    told = True
                    console.print(f"[bold]Spilno is ready:[/] {self.address}", soft_wrap=True)
                time.sleep(0.1 if not told else 0.25)
        finally:
            self.stop()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def stop(self) -> None:
        """Ask all to end, wait, then end what did not."""
        console.print("Stopping …")
        for child in self.children:
            child.stop(signal.SIGTERM)
        until = time.monotonic() + 15
        for child in self.children:
            if child.process is not None:
                try:
                    child.process.wait(max(0.1, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.stop(signal.SIGKILL)
                    child.process.wait()


def up(
    port: Annotated[int | None, typer.Option(help="Port of the web server; default SPILNO_PORT.")] = None,
) -> None:
    """Start everything: database, web server, workers, and the practice networks once the demo is loaded."""
    from spilno.config.command import fail, start_django

    if port:
        os.environ["SPILNO_PORT"] = str(port)
    try:
        folder = writable_data_folder()
        lock = take_lock(folder)
        host, web_port = read("SPILNO_HOST"), port_of("SPILNO_PORT")
        practice_port = port_of("SPILNO_PRACTICE_PORT")
        check_port(host, web_port, "SPILNO_PORT")
        check_port("127.0.0.1", practice_port, "SPILNO_PRACTICE_PORT")
    except Trouble as trouble:
        fail(str(trouble))
    os.environ["SPILNO_DATA"] = str(folder)
    start_django()
    python = sys.executable
    threads = str(max(4, (os.cpu_count() or 2) * 2))
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    children = [
        Child(
            "web server",
            [python, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(web_port),
             "--workers", "1", "--blocking-threads", threads, "--no-ws", "--log-level", "warning",
             "--respawn-failed-workers", "spilno.config.wsgi:application"],
        ),
        *(
            Child(f"worker {number}", [python, "-m", "spilno.config.command", "worker"])
            for number in range(1, int(read("SPILNO_WORKERS")) + 1)
        ),
        Child(
            "practice networks",
            [python, "-m", "spilno.toolkit.practice", "--port", str(practice_port),
             "--state", str(folder / "practice" / "state.json")],
            needs_file=folder / "practice" / "state.json",
        ),
    ]  # fmt: skip
    try:
        Supervisor(children, f"http://{shown}:{web_port}").run()
    finally:
        lock.close()


def register(app: typer.Typer) -> None:
    app.command()(up)
