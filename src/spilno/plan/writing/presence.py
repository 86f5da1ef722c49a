"""Who has a post open just now. A browser says so every few seconds; what it does not repeat is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from spilno.plan.models import Item
from spilno.plan.writing.models import Presence
from spilno.team.models import Person

LASTS = timedelta(seconds=40)
"""A browser speaks every 15 seconds; one that was silent twice is gone."""


def here(*, item: Item, person: Person, now: datetime) -> list[Person]:
    """The person has the item open. Returns who else has, by name."""
    Presence.objects.bulk_create(
        [Presence(workspace_id=item.workspace_id, item=item, person=person, until=now + LASTS)],
        update_conflicts=True,
        update_fields=["until"],
        unique_fields=["item", "person"],
    )
    return others(item=item, person=person, now=now)


def others(*, item: Item, person: Person, now: datetime) -> list[Person]:
    """Who else has the item open, by name."""
    found = Presence.objects.filter(workspace=item.workspace_id, item=item, until__gt=now)
    return sorted(
        (one.person for one in found.exclude(person=person).select_related("person")),
        key=lambda one: one.name,
    )


def gone(*, item: Item, person: Person) -> None:
    """The person closed it."""
    Presence.objects.filter(workspace=item.workspace_id, item=item, person=person).delete()


def forget(*, now: datetime) -> None:
    """Take rows away that nobody needs."""
    Presence.objects.filter(until__lt=now).delete()
