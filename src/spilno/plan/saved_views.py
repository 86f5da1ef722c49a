"""How somebody looks at the plan, kept for the next time."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from spilno.kernel.errors import UserError
from spilno.plan.models import PlanView
from spilno.team.models import Person

MOST = 30
LONGEST = 1000  # characters of an address
NAME = 60


def of_person(person: Person) -> list[PlanView]:
    """The person's views by name; the one without a name, with which they looked last, comes first if there is one."""
    return list(PlanView.objects.filter(person=person).order_by("name"))


def remember(*, person: Person, query: str, views: Sequence[PlanView]) -> None:
    """Keep it for the next time, unless it is what is kept already. ``views``: :func:`of_person`."""
    known = next((one.query for one in views if not one.name), None)
    if len(query) <= LONGEST and query != known:
        PlanView.objects.bulk_create(
            [PlanView(workspace_id=person.workspace_id, person=person, name="", query=query)],
            update_conflicts=True,
            unique_fields=["person", "name"],
            update_fields=["query"],
        )


def save(*, person: Person, name: str, query: str) -> PlanView:
    """Keep it under a name; one of the same name is replaced.

    :raises UserError: ``view_name_missing``, ``view_too_long``, ``too_many_views``.
    """
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise UserError("view_name_missing", field="name")
    if len(name) > NAME or len(query) > LONGEST:
        raise UserError("view_too_long", field="name")
    mine = PlanView.objects.filter(person=person).exclude(name="")
    if not mine.filter(name=name).exists() and mine.count() >= MOST:
        raise UserError("too_many_views", field="name", limit=MOST)
    saved, _made = PlanView.objects.update_or_create(
        person=person, name=name, defaults={"workspace_id": person.workspace_id, "query": query}
    )
    return saved


def forget(*, person: Person, pk: UUID) -> None:
    """Remove one's own named view."""
    PlanView.objects.filter(person=person, pk=pk).exclude(name="").delete()
