"""The Debian packages that the tests need, found by what they bring and installed by root.

`need("chromium", "redis-server")` is cheap when all is there: it looks for files, it does not ask
the package manager. Not being root, it names exactly what to install.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

from .process import ServerError, cache_folder, run


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _file(*patterns: str) -> Callable[[], bool]:
    return lambda: any(next(Path("/").glob(p), None) for p in patterns)


#: Package → is what it brings there?
PACKAGES: dict[str, Callable[[], bool]] = {
    # The browser of the browser tests.
    "chromium": _program("chromium"),
    # Chromium brings no fonts: letters (also Cyrillic), the metrics of common web fonts, and emoji.
    "fonts-dejavu-core": _file("usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    "fonts-noto-core": _file("usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"),
    "fonts-noto-color-emoji": _file("usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
    # msgfmt and xgettext, for the interface's languages.
    "gettext": _program("msgfmt"),
    # The Bluesky AppView keeps its index in PostgreSQL with the extension pg_trgm (which the server in
    # our own wheel lacks) and its caches in Redis.
    "postgresql": _file("usr/share/postgresql/*/extension/pg_trgm.control"),
    "redis-server": _program("redis-server"),
    # better-sqlite3, a part of the Bluesky PDS, is compiled when it is installed.
    "g++": _program("g++"),
    "make": _program("make"),
}


def missing(*packages: str) -> list[str]:
    """Those of `packages` (default: all we know) whose files are not on this machine."""
    unknown = set(packages) - set(PACKAGES)
    if unknown:
        raise KeyError(f"Say in PACKAGES how to recognise {', '.join(sorted(unknown))}.")
    return [p for p in packages or PACKAGES if not PACKAGES[p]()]


def need(*packages: str) -> list[str]:
    """Make sure these Debian packages are there; returns those that had to be installed.

    Raises ServerError with the command to type when we may not install or installing failed.
    """
    if not missing(*packages):
        return []
    with FileLock(cache_folder() / "apt.lock"):
        wanted = missing(*packages)  # another process may have installed them while we waited
        if not wanted:
            return []
        command = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(wanted)}"
        if os.geteuid() != 0:
            raise ServerError(f"Debian packages are missing. As root: {command}")
        if shutil.which("apt-get") is None:
            raise ServerError(f"Programs are missing; on Debian they are in: {' '.join(wanted)}")
        # SYSTEMD_OFFLINE: a fresh redis or postgresql must not start as a service of this machine.
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_OFFLINE": "1"}
        with _no_services():
            run(["apt-get", "update", "-q"], what="apt-get update", env=quiet)
            run(
                ["apt-get", "install", "-y", "-q", "--no-install-recommends", *wanted],
                what=command,
                env=quiet,
            )
        if still := missing(*wanted):
            raise ServerError(f"Installed, but their files are not where expected: {' '.join(still)}")
    return wanted


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Keep installed packages from starting their service, unless the machine already has a policy."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def postgresql_programs() -> Path:
    """The folder with `initdb` and `postgres` of the newest PostgreSQL that Debian installed."""
    need("postgresql")
    folders = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not folders:
        raise ServerError("No PostgreSQL in /usr/lib/postgresql.")
    return max(folders, key=lambda folder: float(folder.parent.name))


def installed_version(program: str) -> str:
    """The first line that `program --version` prints."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0] if done.stdout or done.stderr else ""
