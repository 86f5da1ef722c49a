"""Which worker a channel belongs to."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.db import connection

NAMED = "spilno due"
"""How workers call their listening connections, so that they know each other."""


class Crew:
    """Which workers there are, and which of them a channel belongs to.

    Each finds the same answer by itself, so they are not in each other's way; should they disagree for a moment, or
    should the one whose channel it is be slow, claims alone decide who sends what.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._all: tuple[str, ...] = (name,)
        self._ours: dict[UUID, bool] = {}

    def meet(self) -> None:
        """Look who is listening on this database."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT application_name FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE %s",
                [f"{NAMED} %"],
            )
            found = {row[0] for row in cursor.fetchall()}
        everybody = tuple(sorted({*found, self._name}))
        if everybody != self._all or len(self._ours) > 10_000:
            self._all, self._ours = everybody, {}

    def is_ours(self, channel: UUID) -> bool:
        """Of all workers, are we the one for this channel?"""
        if (known := self._ours.get(channel)) is None:
            first = max(self._all, key=lambda one: hashlib.blake2b(channel.bytes + one.encode()).digest())
            known = self._ours[channel] = first == self._name
        return known
