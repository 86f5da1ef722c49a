"""What rooms above want to know of channels. They put a function in when the program starts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

resumes: list[Callable[[Collection[UUID], datetime], None]] = []
"""Called with channels that may speak again (connected again, their server is back): what waited for it goes on."""

expects: list[Callable[[datetime, datetime], set[UUID]]] = []
"""Asked for channels through which something will leave between two moments."""


def resume(channel_ids: Collection[UUID], *, now: datetime) -> None:
    """Let go on what waited for these channels."""
    for hook in resumes if channel_ids else ():
        hook(channel_ids, now)


def expected(*, start: datetime, end: datetime) -> set[UUID]:
    """Channels that will have something to do in that time."""
    return {one for hook in expects for one in hook(start, end)}
