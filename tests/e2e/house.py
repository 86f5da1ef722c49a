"""A whole Spilno in processes of its own, as `spilno up` starts it, for the tests that use it like people do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.servers.process import ServerProcess, free_ports, remove_folder, temporary_folder

COMMAND = [sys.executable, "-m", "spilno.config.command"]


@dataclass
class House:
    """A running Spilno. ``address`` is http://127.0.0.1:PORT, without a slash at the end."""

    address: str
    folder: Path
    _environment: dict[str, str]
    _process: ServerProcess = field(repr=False)

    def command(self, *words: str) -> bytes:
        """What `spilno WORDS` prints, run beside the server on the same data."""
        done = subprocess.run(
            [*COMMAND, *words], env=self._environment, capture_output=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def report(self, slug: str, *, language: str = "en") -> dict[str, Any]:
        """The results report of an initiative, as the command line gives it."""
        made: dict[str, Any] = json.loads(self.command("report", slug, "--language", language))
        return made

    def log(self) -> str:
        """The last lines of what all its processes wrote."""
        return self._process.tail(60)

    def stop(self) -> None:
        """End it and remove its data."""
        self._process.stop(patience=30)
        remove_folder(self.folder)


def start(settings: Mapping[str, str] | None = None) -> House:
    """A Spilno on an empty data folder; returns when its pages answer.

    ``settings``: further environment variables. Nothing of the caller's own settings is taken over.
    """
    folder = temporary_folder("house")
    port, practice = free_ports(2)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPILNO_", "DATABASE_URL", "DJANGO_"))
    } | {
        "SPILNO_DATA": str(folder / "data"),
        "SPILNO_PORT": str(port),
        "SPILNO_PRACTICE_PORT": str(practice),
        **(settings or {}),
    }
    address = f"http://127.0.0.1:{port}"
    try:
        # `env -i`: a ServerProcess adds to the environment of the tests, whose Django settings are not wanted here.
        command = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *COMMAND, "up"]
        process = ServerProcess("Spilno", command, log=folder / "up.log")
        process.wait_until(
            lambda: httpx.get(f"{address}/healthz", timeout=2, trust_env=False).status_code == 200,
            timeout=150,
        )
    except BaseException:
        remove_folder(folder)
        raise
    return House(address, folder, environment, process)
