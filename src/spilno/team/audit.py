"""Writing the log, in the same transaction as the change it tells of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from spilno.team.models import AuditEntry, Person, Workspace


def record(
    *,
    workspace: Workspace,
    by: Person | None,
    action: str,
    object_kind: str,
    object_id: UUID | None,
    now: datetime,
    initiative_id: UUID | None = None,
    **detail: Any,
) -> AuditEntry:
    """Note who did what. ``detail`` must be JSON-able and free of secrets and personal data of outsiders."""
    return AuditEntry.objects.create(
        workspace=workspace,
        at=now,
        person=by,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        initiative_id=initiative_id,
        detail=detail,
    )
