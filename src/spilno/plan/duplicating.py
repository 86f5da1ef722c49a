"""A second one of the same post."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import models, transaction

from spilno.kernel.errors import UserError
from spilno.kernel.ids import new_id
from spilno.plan.models import Item, ItemMedia
from spilno.plan.queries import title_of
from spilno.plan.writing import extras
from spilno.team import audit
from spilno.team.models import Person
from spilno.team.permissions import Permission, require
from spilno.team.services import slug_for

Model = TypeVar("Model", bound=models.Model)


@transaction.atomic
def duplicate(
    *, item: Item, at: datetime | None, by: Person | None, now: datetime, variants: Collection[UUID] = ()
) -> Item:
    """A draft with the same words, pictures, link, tags and channels, at another time.

    :param at: aware UTC, for all its channels; ``None``: no time yet.
    :param variants: which of the item's variants to take along; nothing named takes all.
    :raises UserError: ``item_deleted``.
    """
    require(by, Permission.PLAN_EDIT)
    if item.deleted_at is not None:
        raise UserError("item_deleted")
    words = title_of(item.title, item.text)
    copy = _copy(
        item,
        key=f"{slug_for(words or 'post', longest=50)}-{new_id().hex[-8:]}",
        owner=by or item.owner,
        reserve=item.reserve and at is None,
        version=1,
        created_at=now,
        updated_at=now,
        deleted_at=None,
    )
    _carry(item, copy)
    for one in ItemMedia.objects.filter(item=item).order_by("position"):
        _copy(one, item=copy)
    taken = item.variants.select_related("channel").order_by("position")
    for variant in taken.filter(pk__in=variants) if variants else taken:
        if variant.channel.is_active:
            _carry(variant, _copy(variant, item=copy, publish_at=at))
    copy.tags.set(item.tags.all())
    extras.copy(of_item=item, to=copy)
    audit.record(
        workspace=item.workspace, by=by, action="item.duplicated", object_kind="item", object_id=copy.pk, now=now,
        initiative_id=item.initiative_id, title=item.title, of=str(item.pk),
    )  # fmt: skip
    return copy


def _carry(row: models.Model, copy: models.Model) -> None:
    """Copy the rows that belong to this one alone and say of themselves that a copy has them, too.

    A model says so by ``carried_along = True``. An approval or a delivery is of one post and stays with it.
    """
    for relation in row._meta.related_objects:
        if not relation.one_to_one or not getattr(relation.related_model, "carried_along", False):
            continue
        found = relation.related_model._default_manager.filter(**{relation.field.name: row}).first()
        if found is not None:
            _copy(found, **{relation.field.name: copy})


def _copy(row: Model, **changed: Any) -> Model:
    """A new row like ``row``. By its columns, so that what a post learns to carry later is carried along."""
    values = {
        one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields if not one.primary_key
    }
    for name in changed:
        values.pop(row._meta.get_field(name).attname, None)  # type: ignore[union-attr]
    return type(row)._default_manager.create(**values, **changed)
