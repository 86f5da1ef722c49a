"""``spilno up`` as a person uses it: in a process of its own, on a data folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from spilno.config.database import DatabaseTrouble, require_version


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int) -> dict[str, str]:
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("SPILNO_", "DATABASE_URL"))
    }
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    return {
        **kept,
        "SPILNO_DATA": str(data),
        "SPILNO_PORT": str(port),
        "SPILNO_PRACTICE_PORT": str(free_port()),
    }


COMMAND = [sys.executable, "-m", "spilno.config.command"]


def until(true: Callable[[], object], seconds: float = 60, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.1)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def running(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    log = data.parent / f"up-{port}.log"  # a file: a full pipe would stop the children
    with log.open("w") as out:
        process = subprocess.Popen(
            [*COMMAND, "up"], env=environment(data, port), stdout=out, stderr=subprocess.STDOUT, text=True
        )
    try:
        until(lambda: answers(port) or process.poll() is not None, what=f"the web server answers; see {log}")
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = []
    for one in psutil.Process(process.pid).children():
        try:
            if "worker" in one.cmdline():
                found.append(one)
        except (psutil.ZombieProcess, psutil.NoSuchProcess):
            continue
    return found


def family(process: subprocess.Popen[str], data: Path) -> list[psutil.Process]:
    """All processes that belong to a running Spilno, the embedded database included."""
    found = psutil.Process(process.pid).children(recursive=True)
    postmaster = data / "postgres" / "postmaster.pid"
    if postmaster.exists():
        found.append(psutil.Process(int(postmaster.read_text().splitlines()[0])))
    return found


@pytest.mark.timeout(240)
def test_starts_restarts_what_dies_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "data", port) as process:
        everybody = family(process, tmp_path / "data")
        worker = workers(process)[0]
        second = subprocess.run(
            [*COMMAND, "up"], env=environment(tmp_path / "data", free_port()), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert "already runs" in second.stderr
        assert second.stderr.count("\n") == 1
        worker.kill()
        until(
            lambda: any(one.pid != worker.pid for one in workers(process)),
            what="a new worker",
        )
        everybody = family(process, tmp_path / "data")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=40) == 0
    _gone, alive = psutil.wait_procs(everybody, timeout=20)
    assert not alive


@pytest.mark.timeout(240)
def test_killing_the_supervisor_ends_its_children_and_the_next_start_works(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "data", port) as process:
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(timeout=20)
        psutil.wait_procs(children, timeout=30)
        assert not [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    with running(tmp_path / "data", port) as process:
        everybody = family(process, tmp_path / "data")
    _gone, alive = psutil.wait_procs(everybody, timeout=20)
    assert not alive


def _one_line(tmp_path: Path, **changes: str) -> str:
    result = subprocess.run(
        [*COMMAND, "up"], env={**environment(tmp_path / "data", free_port()), **changes}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port}" in _one_line(tmp_path, SPILNO_PORT=str(port))


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "cannot be written" in _one_line(tmp_path, SPILNO_DATA=str(tmp_path / "file" / "data"))


def test_a_database_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    line = _one_line(tmp_path, DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    assert "does not answer" in line


def test_a_port_that_is_no_number_is_said_in_one_line(tmp_path: Path) -> None:
    assert "must be a port number" in _one_line(tmp_path, SPILNO_PORT="eighty")


@pytest.mark.parametrize("version", [90624, 140011, 149999])
def test_an_old_postgresql_is_refused(version: int) -> None:
    with pytest.raises(DatabaseTrouble, match="needs 15 or newer"):
        require_version(version)


@pytest.mark.parametrize("version", [150000, 180001])
def test_a_new_postgresql_is_taken(version: int) -> None:
    require_version(version)
