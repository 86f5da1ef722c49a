"""What was typed and not saved, kept for the person who typed it, on whichever device they come back.

It is nobody else's business and never becomes a post by itself: the composer offers it again, and saving or
forgetting it takes it away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from spilno.kernel.errors import UserError
from spilno.plan.models import Item
from spilno.plan.writing.models import TypedDraft
from spilno.team.models import Person
from spilno.team.permissions import Permission, require

KEPT = timedelta(days=30)
MOST = 250_000
"""Characters of one form."""


def keep(
    *,
    person: Person,
    item: Item | None,
    fields: Mapping[str, Sequence[str]],
    item_version: int,
    now: datetime,
) -> None:
    """Keep what was typed; what was kept of the same post before is replaced.

    :raises UserError: ``text_far_too_long``.
    """
    require(person, Permission.PLAN_EDIT)
    if sum(len(one) for values in fields.values() for one in values) > MOST:
        raise UserError("text_far_too_long", field="text", limit=MOST)
    TypedDraft.objects.update_or_create(
        person=person,
        item=item,
        defaults={
            "workspace_id": person.workspace_id,
            "fields": {key: list(values) for key, values in fields.items()},
            "item_version": item_version,
            "saved_at": now,
        },
    )


def kept(*, person: Person, item: Item | None) -> TypedDraft | None:
    """What the person typed into this post (``None``: a new one) and did not save."""
    return TypedDraft.objects.filter(workspace=person.workspace_id, person=person, item=item).first()


def forget(*, person: Person, item: Item | None) -> None:
    """Saved, or not wanted any more."""
    TypedDraft.objects.filter(workspace=person.workspace_id, person=person, item=item).delete()


def forget_old(*, now: datetime) -> None:
    """Nobody came back for these."""
    TypedDraft.objects.filter(saved_at__lt=now - KEPT).delete()
