"""Reading about the team."""

from __future__ import annotations

from datetime import datetime

from spilno.team.models import Invitation, Person, Workspace


def people(workspace: Workspace) -> list[Person]:
    """Everybody of the workspace, active ones first."""
    rows = Person.objects.filter(workspace=workspace).select_related("user", "department")
    return list(rows.order_by("-is_active", "name"))


def open_invitations(workspace: Workspace, now: datetime) -> list[Invitation]:
    """Invitations that can still be accepted, newest first."""
    rows = Invitation.objects.filter(
        workspace=workspace, accepted_at=None, revoked_at=None, expires_at__gt=now
    ).select_related("created_by", "department")
    return list(rows.order_by("-created_at"))
