"""Start a server process, wait until it answers, show its log when it does not, end it for certain."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import httpx

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parents[2]


class ServerError(Exception):
    """A server could not be installed or started; the message ends with the last lines of its log."""


def cache_folder() -> Path:
    """Where installed servers are kept between runs: `SPILNO_TEST_CACHE`, else `.cache` in the project."""
    folder = Path(os.environ.get("SPILNO_TEST_CACHE") or REPOSITORY / ".cache").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_ports(count: int) -> list[int]:
    """`count` different TCP ports that nobody uses now on 127.0.0.1.

    They lie below the range from which the kernel takes the ports of outgoing connections (32768
    upwards): a port of that range could be taken by one between this call and the server's start.
    """
    taken: list[socket.socket] = []
    try:
        while len(taken) < count:
            candidate = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                candidate.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            except OSError:
                candidate.close()
            else:
                taken.append(candidate)
        return [s.getsockname()[1] for s in taken]
    finally:
        for s in taken:
            s.close()


def until(
    check: Callable[[], T | None],
    *,
    what: str,
    timeout: float = 15.0,
    every: float = 0.05,
) -> T:
    """Call `check` until it returns something true, and return that.

    `timeout` and `every` are seconds. Raises TimeoutError naming `what` when the time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise TimeoutError(f"Waited {timeout:g} s in vain for {what}.")
        time.sleep(every)


class _Reaper:
    """The one helper process that ends our servers if we cannot (see reaper.py)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def tell(self, *words: object) -> None:
        """Send one line; starts the helper at the first."""
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(Path(__file__).with_name("reaper.py"))],
                    stdin=subprocess.PIPE,
                    start_new_session=True,
                )
                atexit.register(self._close)
            assert self._process.stdin is not None
            self._process.stdin.write((" ".join(str(w) for w in words) + "\n").encode())
            self._process.stdin.flush()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)


_reaper = _Reaper()


def temporary_folder(name: str) -> Path:
    """A new folder for one server's data; gone with the test run, however that ends.

    It may be entered by other users, because PostgreSQL refuses to run as root.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"spilno-{name}-"))
    folder.chmod(0o755)
    _reaper.tell("remove", folder)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove what `temporary_folder` made."""
    shutil.rmtree(folder, ignore_errors=True)
    _reaper.tell("removed", folder)


class ServerProcess:
    """A running server in a process group of its own, writing to `log`.

    `user` is the name to run as (only root can change it). `stop_signal` asks it to end.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        self._stopped = False
        with log.open("ab") as output:
            try:
                # stdin stays open as long as we live: servers of ours end when it closes.
                self._process = subprocess.Popen(
                    [str(a) for a in argv],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=cwd,
                    env={**os.environ, **(env or {})},
                    user=user,
                    start_new_session=True,
                )
            except OSError as error:
                raise ServerError(f"{name} could not be started: {error}") from error
        self.started_at = time.monotonic()
        _reaper.tell("watch", self._process.pid, int(stop_signal))

    @property
    def pid(self) -> int:
        """The process id, which is the process group's id too."""
        return self._process.pid

    def tail(self, lines: int = 30) -> str:
        """The last lines of the server's log."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(self, check: Callable[[], T | None], *, timeout: float) -> T:
        """What `check` returns once it is true; ServerError with the log if the server ends or is late.

        A refused or broken connection counts as "not yet".
        """

        def guarded() -> T | None:
            status = self._process.poll()
            if status is not None:
                raise ServerError(f"{self.name} ended with status {status}. Its log:\n{self.tail()}")
            try:
                return check()
            except (OSError, httpx.TransportError):
                return None

        try:
            return until(guarded, what=self.name, timeout=timeout)
        except (TimeoutError, ServerError) as error:
            self.stop()
            if isinstance(error, ServerError):
                raise
            raise ServerError(
                f"{self.name} did not answer in {timeout:g} s. Its log:\n{self.tail()}"
            ) from error

    def stop(self, patience: float = 5.0) -> None:
        """End the server and all it started; kills what is left after `patience` seconds."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._stopped:
            return
        self._stopped = True
        self._signal(self._stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._signal(signal.SIGKILL)
        self._process.wait()
        _reaper.tell("forget", self._process.pid)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def run(
    argv: Sequence[str | Path],
    *,
    what: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    timeout: float = 900,
) -> str:
    """Run a command to its end and return its output; ServerError with the last lines if it fails."""
    try:
        done = subprocess.run(
            [str(a) for a in argv],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            user=user,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"{what} failed: {error}") from error
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-30:])
        raise ServerError(f"{what} failed (status {done.returncode}):\n{last}")
    return done.stdout
