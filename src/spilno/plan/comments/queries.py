"""Reading comments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q

from spilno.plan.comments.models import Comment
from spilno.plan.models import Item
from spilno.team.models import Workspace


@dataclass(frozen=True)
class Thread:
    """A comment with its answers. ``number``: of its pin, if it is about a place of a picture."""

    begin: Comment
    answers: tuple[Comment, ...]
    number: int | None = None

    @property
    def settled(self) -> bool:
        return self.begin.resolved_at is not None


def threads(item: Item, *, guests: bool = False) -> list[Thread]:
    """What was said of an item, the oldest thread first: one query.

    :param guests: only what guests may see.
    """
    found = Comment.objects.filter(item=item).select_related("variant__channel", "person", "guest")
    if guests:
        found = found.filter(for_guests=True)
    begins, answers = [], defaultdict(list)
    for one in found:
        if one.answers_id is None:
            begins.append(one)
        else:
            answers[one.answers_id].append(one)
    pins: dict[UUID, int] = {}
    made = []
    for one in begins:
        number = None
        if one.media_id is not None and one.x is not None:
            number = pins[one.media_id] = pins.get(one.media_id, 0) + 1
        made.append(Thread(one, tuple(answers[one.pk]), number))
    return made


def open_counts(workspace: Workspace, items: Collection[UUID]) -> dict[UUID, int]:
    """How many threads of each item are not settled."""
    rows = (
        Item.objects.filter(workspace=workspace, pk__in=items)
        .annotate(open=Count("comments", filter=Q(comments__answers=None, comments__resolved_at=None)))
        .values_list("pk", "open")
    )
    return dict(rows)
