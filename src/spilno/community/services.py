"""What people decide about messages."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from spilno.community.models import Message
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, require


@transaction.atomic
def handle(*, message: Message, by: Person | None, now: datetime) -> bool:
    """Somebody answered, or nothing needs to be answered. Returns whether that changed anything."""
    require(by, Permission.CONVERSATION_HANDLE)
    if not Message.objects.filter(pk=message.pk, handled_at=None).update(handled_at=now, handled_by=by):
        return False
    _note(message, by, now, "message.handled")
    return True


@transaction.atomic
def reopen(*, message: Message, by: Person | None, now: datetime) -> bool:
    """Undo :func:`handle`."""
    require(by, Permission.CONVERSATION_HANDLE)
    found = Message.objects.filter(pk=message.pk, handled_at__isnull=False)
    if not found.update(handled_at=None, handled_by=None):
        return False
    _note(message, by, now, "message.reopened")
    return True


def _note(message: Message, by: Person | None, now: datetime, action: str) -> None:
    initiative = message.delivery.variant.item.initiative_id if message.delivery else None
    audit.record(
        workspace=message.workspace, by=by, action=action, object_kind="message", object_id=message.pk, now=now,
        initiative_id=initiative,
    )  # fmt: skip
