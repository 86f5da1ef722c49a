"""The board of ideas: what may become a post, from a first word to ready to write."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from spilno.briefs.models import Initiative
from spilno.kernel.errors import UserError
from spilno.plan import services
from spilno.plan.models import Item
from spilno.plan.writing import extras
from spilno.plan.writing.models import Idea, Pillar
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require

COLUMNS = (Idea.State.NEW, Idea.State.SHAPING, Idea.State.READY, Idea.State.GROWN)
SHOWN = 60  # of those that grew


def of(workspace: Workspace) -> QuerySet[Idea]:
    """The workspace's ideas in their order, with rubric, initiative, who had them and what grew of them."""
    return (
        Idea.objects.filter(workspace=workspace)
        .select_related("pillar", "initiative", "by", "item")
        .order_by("position", "pk")
    )


def put(
    *, workspace: Workspace, title: str, by: Person | None, now: datetime, note: str = "", pillar: str = "",
    initiative: str = "", pk: UUID | None = None,
) -> Idea:  # fmt: skip
    """A new idea at the top of the first column, or changed words of the one of that id.

    :param pillar: id of a rubric, or empty; ``initiative`` likewise.
    :raises UserError: ``idea_without_words``, ``unknown_idea``, ``unknown_pillar``, ``unknown_initiative``.
    """
    require(by, Permission.PLAN_EDIT)
    title = " ".join(title.split())[:200]
    if not title:
        raise UserError("idea_without_words", field="title")
    found = Pillar.objects.filter(workspace=workspace, pk=pillar).first() if pillar else None
    if pillar and found is None:
        raise UserError("unknown_pillar", field="pillar")
    of_initiative = (
        Initiative.objects.filter(workspace=workspace, pk=initiative).first() if initiative else None
    )
    if initiative and of_initiative is None:
        raise UserError("unknown_initiative", field="initiative", slug=initiative[:40])
    if pk is None:
        idea = Idea(workspace=workspace, by=by, created_at=now, position=_top(workspace, Idea.State.NEW))
    else:
        idea = _idea(workspace, pk)
    idea.title, idea.note, idea.pillar, idea.initiative = title, note.strip()[:5000], found, of_initiative
    idea.updated_at = now
    idea.save()
    return idea


@transaction.atomic
def move(*, workspace: Workspace, pk: UUID, state: str, index: int, by: Person | None, now: datetime) -> Idea:
    """Into a column, ``index`` from above. What became a post stays where it is.

    :raises UserError: ``unknown_idea``, ``idea_has_grown``.
    """
    require(by, Permission.PLAN_EDIT)
    # Everybody who moves something on this board stands in one line here.
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    idea = _idea(workspace, pk)
    if idea.state == Idea.State.GROWN or state not in (*COLUMNS[:-1],):
        raise UserError("idea_has_grown")
    others = list(of(workspace).filter(state=state).exclude(pk=pk))
    index = min(max(index, 0), len(others))
    others.insert(index, idea)
    idea.state, idea.updated_at = Idea.State(state), now
    for number, one in enumerate(others):
        one.position = float(number)
    Idea.objects.bulk_update(others, ["position"])
    idea.save(update_fields=["state", "position", "updated_at"])
    return idea


@transaction.atomic
def grow(*, workspace: Workspace, pk: UUID, by: Person | None, now: datetime) -> Item:
    """Make a draft of it: title, words, initiative and rubric. Asked again, the draft that is there.

    :raises UserError: ``unknown_idea``.
    """
    require(by, Permission.PLAN_EDIT)
    idea = Idea.objects.select_for_update(of=("self",)).filter(workspace=workspace, pk=pk).first()
    if idea is None:
        raise UserError("unknown_idea")
    if idea.item is not None and idea.item.deleted_at is None:
        return idea.item
    item = services.create_item(
        workspace=workspace, by=by, now=now, title=idea.title, text=idea.note, initiative=idea.initiative
    )
    if idea.pillar_id:
        extras.put(item=item, extra=extras.Extra(pillar=str(idea.pillar_id)), workspace=workspace)
    idea.item, idea.state, idea.updated_at = item, Idea.State.GROWN, now
    idea.position = _top(workspace, Idea.State.GROWN)
    idea.save()
    return item


def remove(*, workspace: Workspace, pk: UUID, by: Person | None) -> None:
    """Away; what grew of it stays."""
    require(by, Permission.PLAN_EDIT)
    Idea.objects.filter(workspace=workspace, pk=pk).delete()


def _idea(workspace: Workspace, pk: UUID) -> Idea:
    found = Idea.objects.filter(workspace=workspace, pk=pk).first()
    if found is None:
        raise UserError("unknown_idea")
    return found


def _top(workspace: Workspace, state: str) -> float:
    """Above all others."""
    found = Idea.objects.filter(workspace=workspace, state=state).order_by("position").first()
    return found.position - 1 if found else 0.0
