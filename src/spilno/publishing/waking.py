"""Telling workers that there is something to do. Never needed for correctness: rows are the truth."""

from __future__ import annotations

from django.db import connection

CHANNEL = "spilno_publishing"
"""PostgreSQL notification channel on which workers listen."""


def shout() -> None:
    """Wake the workers' due loops, once the surrounding transaction is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
