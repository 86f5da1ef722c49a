"""Bringing the tables up to date. Safe when several processes start at once."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

_LOCK = 0x5B11_0001  # any number of ours: one process migrates, the others wait


def pending() -> int:
    """How many migrations are not applied yet."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def bring_up_to_date() -> int:
    """Apply what is missing; returns how many were applied."""
    if not pending():
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            missing = pending()
            if missing:
                call_command("migrate", interactive=False, verbosity=0)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    return missing
