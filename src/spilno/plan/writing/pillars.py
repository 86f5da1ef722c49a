"""Rubrics: how much of the content is wished to be about what, and how much it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from spilno.kernel.errors import UserError
from spilno.plan.models import Item, Variant
from spilno.plan.writing.models import Pillar
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require

MOST = 30
COLOURS = 8


def of(workspace: Workspace) -> QuerySet[Pillar]:
    """The rubrics in use, by name."""
    return Pillar.objects.filter(workspace=workspace, archived_at=None)


def put(
    *,
    workspace: Workspace,
    name: str,
    colour: int,
    share: int | None,
    by: Person | None,
    pk: UUID | None = None,
) -> Pillar:
    """Make a rubric, or change the one of that id.

    :param colour: 1 to 8.
    :param share: of the content, wished, in percent; ``None``: nothing agreed.
    :raises UserError: ``name_missing``, ``pillar_share_wrong``, ``pillar_name_taken``, ``pillars_too_many``,
        ``unknown_pillar``.
    """
    require(by, Permission.PLAN_EDIT)
    name = " ".join(name.split())[:60]
    if not name:
        raise UserError("name_missing", field="name")
    if share is not None and not 0 <= share <= 100:
        raise UserError("pillar_share_wrong", field="share")
    pillar = of(workspace).filter(pk=pk).first() if pk else Pillar(workspace=workspace)
    if pillar is None:
        raise UserError("unknown_pillar")
    if pk is None and of(workspace).count() >= MOST:
        raise UserError("pillars_too_many", limit=MOST)
    pillar.name, pillar.colour, pillar.share = name, min(max(colour, 1), COLOURS), share
    try:
        with transaction.atomic():
            pillar.save()
    except IntegrityError:
        # One of that name may have been put away: it comes back with the new wishes.
        old = Pillar.objects.filter(workspace=workspace, name__iexact=name).exclude(archived_at=None).first()
        if old is None or pk is not None:
            raise UserError("pillar_name_taken", field="name", name=name) from None
        old.name, old.colour, old.share, old.archived_at = name, pillar.colour, share, None
        old.save()
        return old
    return pillar


def archive(*, workspace: Workspace, pk: UUID, by: Person | None, now: datetime) -> None:
    """Not offered any more; what belongs to it goes on belonging to it."""
    require(by, Permission.PLAN_EDIT)
    of(workspace).filter(pk=pk).update(archived_at=now)


@dataclass(frozen=True)
class Share:
    """How much of a period's content is about something. ``pillar`` ``None``: about nothing that was said."""

    pillar: Pillar | None
    posts: int
    part: float  # 0 to 1, of all posts of the period

    @property
    def percent(self) -> int:
        return round(self.part * 100)

    @property
    def wished(self) -> int | None:
        """In percent; ``None`` if nothing was agreed."""
        return self.pillar.share if self.pillar else None

    @property
    def apart(self) -> int | None:
        """Percentage points more (or less) than wished; ``None`` if nothing was wished."""
        return None if self.pillar is None or self.pillar.share is None else self.percent - self.pillar.share


def shares(*, workspace: Workspace, start: datetime, end: datetime) -> list[Share]:
    """Posts planned or out from ``start`` to ``end`` (exclusive) by rubric, each post once; two queries."""
    there = Variant.objects.filter(
        Q(publish_at__gte=start, publish_at__lt=end)
        | Q(delivery__published_at__gte=start, delivery__published_at__lt=end),
        item=OuterRef("pk"),
    )
    counted = dict(
        Item.objects.filter(Exists(there), workspace=workspace, deleted_at=None, reserve=False)
        .order_by()
        .values_list("extra__pillar")
        .annotate(n=Count("pk"))
    )
    every = sum(counted.values())
    rows = [Share(one, counted.pop(one.pk, 0), 0.0) for one in Pillar.objects.filter(workspace=workspace)]
    rows.append(Share(None, counted.pop(None, 0), 0.0))
    return [
        Share(one.pillar, one.posts, one.posts / every if every else 0.0)
        for one in rows
        if one.posts or (one.pillar is not None and one.pillar.archived_at is None)
    ]
