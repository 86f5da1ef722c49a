"""A practice network while the demo is being made: it looks at any moment of the past, and nobody else has its file.

What the practice networks remember is built in a folder of its own and put in place at the very end: the process
that ``spilno up`` starts as soon as the file is there always finds a whole one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from spilno.kernel.errors import UserError
from spilno.toolkit import practice

FILE = "state.json"


class Hands:
    """The hands of a clock that can be set."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@contextmanager
def practice_network(*, hands: Hands, seed: str) -> Iterator[practice.Practice]:
    """The practice networks at their own address, in this process; kept if nothing goes wrong, else as before.

    :raises UserError: ``practice_running`` if something listens there already: only one process may have the file.
    """
    folder = Path(settings.DATA) / "practice"
    port = urlsplit(settings.SPILNO_PRACTICE_URL).port
    assert port is not None
    building = folder / "building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        pictures = Path(FILE).with_suffix(".pictures")
        if (folder / FILE).exists():
            shutil.copy2(folder / FILE, building / FILE)
            if (folder / pictures).is_dir():
                shutil.copytree(folder / pictures, building / pictures)
        try:
            server = practice.start(
                state=building / FILE, seed=seed, port=port, clock=hands, with_control=False
            )
        except OSError:
            raise UserError("practice_running", port=port) from None
        with server:
            yield server
        if (building / pictures).is_dir():
            shutil.copytree(building / pictures, folder / pictures, dirs_exist_ok=True)
        (building / FILE).replace(folder / FILE)
    finally:
        shutil.rmtree(building, ignore_errors=True)
