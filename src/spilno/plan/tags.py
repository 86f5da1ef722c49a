"""Tags: words of the workspace's own on its items."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet

from spilno.kernel.errors import UserError
from spilno.plan.models import Item, Tag
from spilno.team.models import Person, Workspace
from spilno.team.permissions import Permission, require

LENGTH = 40
PER_ITEM = 20


def tags(workspace: Workspace) -> QuerySet[Tag]:
    """The workspace's tags by name."""
    return Tag.objects.filter(workspace=workspace).order_by("name")


def used_tags(workspace: Workspace) -> QuerySet[Tag]:
    """The tags with ``uses``: on how many items that are not deleted."""
    return tags(workspace).annotate(uses=Count("items", filter=Q(items__deleted_at=None)))


def of_items(items: Collection[UUID]) -> dict[UUID, list[str]]:
    """Names of the items' tags, one query."""
    found: dict[UUID, list[str]] = {}
    rows = Tag.items.through.objects.filter(item_id__in=items).order_by("tag__name")
    for item, name in rows.values_list("item_id", "tag__name"):
        found.setdefault(item, []).append(name)
    return found


def read_names(text: str) -> list[str]:
    """Names as typed, with commas between them; a leading # is ours to leave out. Each once, whatever its case."""
    names = (" ".join(one.replace("\x00", "").split()).lstrip("#").strip() for one in text.split(","))
    return list({one.casefold(): one for one in names if one}.values())


def check_names(names: Collection[str]) -> None:
    """:raises UserError: ``tag_too_long``, ``too_many_tags``."""
    if any(len(one) > LENGTH for one in names):
        raise UserError("tag_too_long", field="tags", limit=LENGTH)
    if len(names) > PER_ITEM:
        raise UserError("too_many_tags", field="tags", limit=PER_ITEM)


@transaction.atomic
def tag_named(*, workspace: Workspace, name: str, by: Person | None) -> Tag:
    """The workspace's tag of that name, made if there is none.

    :raises UserError: ``tag_missing``, ``tag_too_long``.
    """
    require(by, Permission.PLAN_EDIT)
    names = read_names(name)
    if not names:
        raise UserError("tag_missing", field="tags")
    check_names(names[:1])
    known = Tag.objects.filter(workspace=workspace, name__iexact=names[0]).first()
    if known:
        return known
    try:
        with transaction.atomic():
            return Tag.objects.create(workspace=workspace, name=names[0])
    except IntegrityError:  # somebody else made it this moment
        return Tag.objects.get(workspace=workspace, name__iexact=names[0])


@transaction.atomic
def set_tags(*, item: Item, names: Iterable[str], by: Person | None) -> None:
    """Exactly these tags on an item; those that nothing wears any more go away.

    :raises UserError: ``tag_too_long``, ``too_many_tags``.
    """
    require(by, Permission.PLAN_EDIT)
    wanted = read_names(",".join(names))
    check_names(wanted)
    before = set(item.tags.values_list("pk", flat=True))
    item.tags.set([tag_named(workspace=item.workspace, name=one, by=by) for one in wanted])
    forget_unused(before)


def forget_unused(ids: Collection[UUID]) -> None:
    """Remove those of the tags that are on no item, deleted ones included."""
    if ids:
        Tag.objects.filter(pk__in=ids, items=None).delete()
